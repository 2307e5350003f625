"""Presets: JSON files that name an engine, a model, its weights and their licence.

Reading them loads no model.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.errors import ConfigError, UnknownPreset
from search.files import sha256_hex
from search.types import Modality, Space, TextRole

FOLDER = Path(__file__).parent / "presets"

HEADS = "heads"
AUDIO_TOWER = "sounds"
AUDIO_HEAD = "sound_head"
"""Names of checksums: of trained heads over frozen towers, of the audio tower, of its head."""


class Preset(BaseModel):
    """One encoder that OMNISHELF_PRESET can choose."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(description="the file's name without .json")
    engine: Literal["compact", "open_clip", "sentence_transformers", "clap"]
    model: str = Field(description="the engine's name of the model")
    weights: str = Field(
        "", description="the engine's name of the weights, if one model has several"
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
        448, gt=0, description="shorter side of a picture in pixels, if no checkpoint names it"
    )

    def make_space(self, weights_digest: str = "") -> Space:
        """Return the preset's space; `weights_digest` names weights that the preset does not."""
        weights = [self.weights, self.revision, sorted(self.checksums.items()), weights_digest]
        parts: list[object] = [self.engine, self.model, *weights]
        if self.prompts:
            parts.append(sorted(self.prompts.items()))
        return Space(self.name, _digest(parts), self.dim, self.modalities)

    def tower_id(self, features: str) -> str:
        """Return the fingerprint of the frozen towers, whatever the heads and the audio tower.

        `features` describes how features are written.
        """
        others = (HEADS, AUDIO_TOWER, AUDIO_HEAD)
        weights = sorted(
            (name, checksum) for name, checksum in self.checksums.items() if name not in others
        )
        return _digest([self.engine, self.model, self.weights, self.revision, weights, features])

    def audio_tower_id(self, features: str) -> str:
        """Return the fingerprint of the audio tower, whatever the head over it."""
        return _digest([self.engine, self.revision, self.checksums.get(AUDIO_TOWER, ""), features])


def derive_tuned_space(space: Space, heads_digest: str) -> Space:
    """Return the space of an encoder with tuned heads of this checksum; '' for its own heads."""
    if not heads_digest:
        return space
    return replace(space, fingerprint=_digest([space.fingerprint, heads_digest]))


def _digest(parts: list[object]) -> str:
    return sha256_hex(json.dumps(parts))[:16]


def preset_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def load_preset(name: str, folder: Path = FOLDER) -> Preset:
    """Read a preset.

    Raises UnknownPreset with the known names, ConfigError when its file is wrong.
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
