"""Where Whisper's weights lie, and the command that fetches them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from search.config import EngineSettings
from search.errors import WeightsMissing

HUB: Final = "openai/whisper-large-v3-turbo"
FOLDER: Final = "whisper-large-v3-turbo"
FETCHED: Final = ("*.json", "*.txt", "*.safetensors")


def whisper_folder(settings: EngineSettings) -> Path:
    return (settings.weights_dir or settings.var_dir / "weights") / FOLDER


def has_whisper(settings: EngineSettings) -> bool:
    """Are the weights here? Reads names alone."""
    folder = whisper_folder(settings)
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def require_whisper(settings: EngineSettings) -> Path:
    """The folder. Raises WeightsMissing with the command that fetches the weights."""
    folder = whisper_folder(settings)
    if not has_whisper(settings):
        included = " ".join(f"--include '{pattern}'" for pattern in FETCHED)
        raise WeightsMissing(
            "the weights of the speech engine whisper are not here",
            value=str(folder),
            fix=f"Where there is a network: hf download {HUB} {included} --local-dir {folder}",
        )
    return folder
