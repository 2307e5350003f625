"""Checkpoints on local disk: configuration, tokenizer and safetensors of a preset.

A preset's checkpoint lies in `<weights folder>/<preset>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from search.config import EngineSettings
from search.encoders.presets import Preset
from search.errors import InvalidWeights, WeightsMissing
from search.files import file_sha256, sha256_hex

OPEN_CLIP_CONFIG: Final = "open_clip_config.json"

CONFIG_FILES: Final = {
    "open_clip": OPEN_CLIP_CONFIG,
    "sentence_transformers": "modules.json",
    "clap": "preprocessor_config.json",
}
"""For each engine the file that every checkpoint has."""

HUB_FILES: Final = {
    "open_clip": (
        OPEN_CLIP_CONFIG,
        "open_clip_model.safetensors",
        "*token*",
        "*vocab*",
        "*merges*",
    ),
    "clap": ("*.json", "model.safetensors", "*.txt"),
    "sentence_transformers": ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"),
}
"""Files of a hub repository that the engine reads. Repositories also hold the same weights as
pickles."""

READ_SUFFIXES: Final = {".json", ".txt", ".model", ".safetensors", ".jinja"}
PICKLE_SUFFIXES: Final = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}


def require_checkpoint(preset: Preset, settings: EngineSettings) -> Path:
    """Return the preset's folder after checking the checksums that the preset names.

    Raises WeightsMissing with the command that downloads the checkpoint, InvalidWeights when a
    checksum differs.
    """
    folder = (settings.weights_dir or settings.var_dir / "weights") / preset.name
    if not (folder / CONFIG_FILES[preset.engine]).is_file():
        included = " ".join(f"--include '{pattern}'" for pattern in HUB_FILES[preset.engine])
        raise WeightsMissing(
            f"the weights of preset {preset.name} are not installed",
            value=str(folder),
            fix=f"Where there is a network: hf download {preset.hub} {included} "
            f"--local-dir {folder}",
        )
    for name, expected in preset.checksums.items():
        _check_file(folder / name, expected)
    return folder


def checkpoint_digest(folder: Path) -> str:
    """Return the SHA-256 of a checkpoint's files.

    Raises InvalidWeights when there are no safetensors files, or when there is a pickle.
    """
    files = _list_files(folder)
    pickles = [str(path.relative_to(folder)) for path in files if path.suffix in PICKLE_SUFFIXES]
    if pickles or not any(path.suffix == ".safetensors" for path in files):
        raise InvalidWeights(
            "a checkpoint must hold safetensors files and no pickle",
            value=pickles or [path.name for path in files],
            fix=f"Keep only safetensors files in {folder}.",
        )
    lines = [
        f"{path.relative_to(folder).as_posix()} {file_sha256(path)}"
        for path in files
        if path.suffix in READ_SUFFIXES
    ]
    return sha256_hex("\n".join(lines))


def _list_files(folder: Path) -> Sequence[Path]:
    """Return every file but hidden ones: a download leaves notes of its own in `.cache`."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        folder / name for name in names if not any(part.startswith(".") for part in name.parts)
    )


def _check_file(path: Path, expected: str) -> None:
    actual = file_sha256(path) if path.is_file() else "no file"
    if actual != expected:
        raise InvalidWeights(
            f"{path.name} is not the file that the preset names: SHA-256 should be {expected}",
            value=actual,
            fix=f"Delete {path} and download the checkpoint again.",
        )
