"""Checkpoints on local disk: `<weights folder>/<preset>` holds a configuration and one safetensors file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from search.config import EngineSettings
from search.encoders.digests import file_digest
from search.encoders.presets import Preset
from search.errors import WeightsMissing, WeightsRefused

CONFIGURATION = "open_clip_config.json"
FETCHED = ("open_clip_config.json", "open_clip_model.safetensors", "*token*", "*vocab*", "*merges*")
READ = {".json", ".txt", ".model", ".safetensors"}
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def require_checkpoint(preset: Preset, settings: EngineSettings) -> Path:
    """The preset's folder. Raises WeightsMissing with the command that fetches it."""
    folder = (settings.weights_dir or settings.var_dir / "weights") / preset.name
    if not (folder / CONFIGURATION).is_file():
        included = " ".join(f"--include '{pattern}'" for pattern in FETCHED)
        raise WeightsMissing(
            f"the weights of preset {preset.name} are not here",
            value=str(folder),
            fix=f"Where there is a network: hf download {preset.hub} {included} --local-dir {folder}",
        )
    return folder


def checkpoint_digest(folder: Path) -> str:
    """Names the content of a checkpoint.

    Raises WeightsRefused unless the folder holds exactly one safetensors file, and nothing that is a pickle.
    """
    weights = sorted(folder.glob("*.safetensors"))
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles or len(weights) != 1:
        raise WeightsRefused(
            "a checkpoint is exactly one safetensors file, and never a pickle",
            value=pickles or [path.name for path in weights],
            fix=f"Keep one safetensors file in {folder}.",
        )
    read = sorted(path for path in folder.iterdir() if path.suffix in READ)
    return hashlib.sha256("".join(map(file_digest, read)).encode()).hexdigest()
