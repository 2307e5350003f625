"""Checkpoints on local disk: `<weights folder>/<preset>` holds configuration, tokenizer and
safetensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from search.config import EngineSettings
from search.encoders.presets import Preset
from search.errors import InvalidWeights, WeightsMissing
from search.files import file_sha256

OPEN_CLIP_CONFIGURATION: Final = "open_clip_config.json"

CONFIGURATIONS: Final = {
    "open_clip": OPEN_CLIP_CONFIGURATION,
    "sentence_transformers": "modules.json",
    "clap": "preprocessor_config.json",
}
"""The file by which a checkpoint of an engine is known."""

FETCHED: Final = {
    "open_clip": (
        OPEN_CLIP_CONFIGURATION,
        "open_clip_model.safetensors",
        "*token*",
        "*vocab*",
        "*merges*",
    ),
    "clap": ("*.json", "model.safetensors", "*.txt"),
    "sentence_transformers": ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"),
}
"""The files of a hub repository that its engine reads. Repositories also hold the same weights
as pickles."""

READ: Final = {".json", ".txt", ".model", ".safetensors", ".jinja"}
PICKLES: Final = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}


def require_checkpoint(preset: Preset, settings: EngineSettings) -> Path:
    """The preset's folder. Raises WeightsMissing with the command that fetches it,
    InvalidWeights when a file has not the checksum that the preset names for it.
    """
    folder = (settings.weights_dir or settings.var_dir / "weights") / preset.name
    if not (folder / CONFIGURATIONS[preset.engine]).is_file():
        included = " ".join(f"--include '{pattern}'" for pattern in FETCHED[preset.engine])
        raise WeightsMissing(
            f"the weights of preset {preset.name} are not here",
            value=str(folder),
            fix=f"Where there is a network: hf download {preset.hub} {included} --local-dir {folder}",
        )
    for name, expected in preset.checksums.items():
        _check_file(folder / name, expected)
    return folder


def checkpoint_digest(folder: Path) -> str:
    """Names the content of a checkpoint. Raises InvalidWeights without safetensors files, or
    with a pickle.
    """
    files = _files(folder)
    pickles = [str(path.relative_to(folder)) for path in files if path.suffix in PICKLES]
    if pickles or not any(path.suffix == ".safetensors" for path in files):
        raise InvalidWeights(
            "a checkpoint's weights are safetensors files, and never a pickle",
            value=pickles or [path.name for path in files],
            fix=f"Keep safetensors files alone in {folder}.",
        )
    read = [path for path in files if path.suffix in READ]
    named = [f"{path.relative_to(folder).as_posix()} {file_sha256(path)}" for path in read]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()


def _files(folder: Path) -> Sequence[Path]:
    """Every file but hidden ones: a download leaves its own notes in `.cache`."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        folder / path for path in found if not any(part.startswith(".") for part in path.parts)
    )


def _check_file(path: Path, expected: str) -> None:
    found = file_sha256(path) if path.is_file() else "no file"
    if found != expected:
        raise InvalidWeights(
            f"{path.name} is not the file that the preset names: SHA-256 should be {expected}",
            value=found,
            fix=f"Delete {path} and fetch the checkpoint again.",
        )
