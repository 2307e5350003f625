"""Presets: data files that name an engine, a model, its weights and their licence. Reading them
loads no model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.errors import ConfigError, UnknownPreset
from search.types import Modality, Space, TextRole

FOLDER = Path(__file__).parent / "presets"

HEADS = "heads"
"""The checksum that names the heads, where a preset has trained heads over frozen towers."""

EARS, SOUND_HEAD = "sounds", "sound_head"
"""The checksums of a sound tower and of the head over it."""


class Preset(BaseModel):
    """One encoder that can be chosen with OMNISHELF_PRESET."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(description="the file's name without .json")
    engine: Literal["compact", "open_clip", "sentence_transformers", "clap"]
    model: str = Field(description="the engine's name of the model")
    weights: str = Field(
        "", description="the engine's name of the weights, where one model has several"
    )
    revision: int = Field(1, description="raised by hand when code that changes a vector changes")
    base_preset: str = Field(
        "",
        alias="beside",
        description="the picture and text preset whose space audio is mapped into",
    )
    hub: str = Field("", description="repository on the Hugging Face hub that holds the weights")
    checksums: dict[str, str] = Field(
        default_factory=dict, description="SHA-256 of every weights file shipped"
    )
    dim: int = Field(gt=0)
    modalities: frozenset[Modality]
    licence: str
    sanity_check: bool = Field(
        True, alias="self_test", description="false only for checkpoints that were never trained"
    )
    prompts: dict[TextRole, str] = Field(
        default_factory=dict, description="the model's name of the prompt for a role"
    )
    parts: dict[Modality, str] = Field(
        default_factory=dict,
        description="sub-configuration that only this modality needs and others can do without",
    )
    decode_size: int = Field(
        448, gt=0, description="shorter side of a picture, in pixels, where no checkpoint says it"
    )

    def space(self, weights_digest: str = "") -> Space:
        """The space of this preset with the weights that `weights_digest` names, if they are not
        the usual ones.
        """
        weights = [self.weights, self.revision, sorted(self.checksums.items()), weights_digest]
        parts: list[object] = [self.engine, self.model, *weights]
        if self.prompts:
            parts.append(sorted(self.prompts.items()))
        return Space(self.name, _digest(parts), self.dim, self.modalities)

    def tower_id(self, features: str) -> str:
        """Names what the frozen towers of this preset see, whatever its heads and ears;
        `features` says how that is written.
        """
        apart = (HEADS, EARS, SOUND_HEAD)
        weights = sorted(
            (name, checksum) for name, checksum in self.checksums.items() if name not in apart
        )
        return _digest([self.engine, self.model, self.weights, self.revision, weights, features])

    def audio_tower_id(self, features: str) -> str:
        """Names what the sound tower hears, whatever the head over it; `features` as for
        `tower_id`.
        """
        return _digest([self.engine, self.revision, self.checksums.get(EARS, ""), features])


def tuned_space(space: Space, heads_digest: str) -> Space:
    """The space of an encoder whose own space is `space`, under the heads of this checksum; ''
    for its own heads.
    """
    return (
        replace(space, fingerprint=_digest([space.fingerprint, heads_digest]))
        if heads_digest
        else space
    )


def _digest(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def preset_names(folder: Path = FOLDER) -> list[str]:
    """Every preset known, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load_preset(name: str, folder: Path = FOLDER) -> Preset:
    """Read a preset. Raises UnknownPreset naming the known ones, ConfigError when its file is
    wrong.
    """
    if name not in preset_names(folder):
        raise UnknownPreset(
            "no such preset", value=name, fix=f"Known presets: {', '.join(preset_names(folder))}."
        )
    try:
        return Preset.model_validate_json((folder / f"{name}.json").read_bytes())
    except ValidationError as error:
        raise ConfigError(
            f"preset {name} is wrong: {error}", fix="Correct the preset's file."
        ) from error
