"""Choose and load the speech engine, and locate Whisper's weights.

Engines are imported when one is loaded, because each costs seconds or memory.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Final, cast

from search.config import EngineSettings
from search.errors import SpeechDisabled, WeightsMissing
from search.speech.transcriber import Transcriber

ENGINES: Final = {"pocketsphinx": "search.speech.sphinx", "whisper": "search.speech.whisper"}
PACKAGE: Final = "pocketsphinx"

WHISPER_HUB: Final = "openai/whisper-large-v3-turbo"
WHISPER_FOLDER: Final = "whisper-large-v3-turbo"
WHISPER_FILES: Final = ("*.json", "*.txt", "*.safetensors")


def choose_speech_engine(settings: EngineSettings) -> str:
    """Return the name of the engine that the settings select, '' for none; load nothing.

    `auto` is Whisper if its weights are installed, else PocketSphinx if its package is.
    """
    if settings.speech == "off":
        return ""
    if settings.speech != "auto":
        return settings.speech
    if has_whisper_weights(settings):
        return "whisper"
    return "pocketsphinx" if importlib.util.find_spec(PACKAGE) else ""


def load_transcriber(settings: EngineSettings) -> Transcriber:
    """Return the selected transcriber; its model is loaded at its first use.

    Raises SpeechDisabled when there is none, WeightsMissing with the command that downloads
    Whisper's weights.
    """
    engine = choose_speech_engine(settings)
    if not engine:
        raise SpeechDisabled(
            "spoken queries are switched off",
            value=settings.speech,
            fix="Set OMNISHELF_SPEECH to auto, pocketsphinx or whisper.",
        )
    return cast("Transcriber", importlib.import_module(ENGINES[engine]).load(settings))


def has_whisper_weights(settings: EngineSettings) -> bool:
    """Return whether Whisper's files exist; their content is not read."""
    folder = _whisper_folder(settings)
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def require_whisper_weights(settings: EngineSettings) -> Path:
    """Return the folder of the weights.

    Raises WeightsMissing with the command that downloads them.
    """
    folder = _whisper_folder(settings)
    if not has_whisper_weights(settings):
        included = " ".join(f"--include '{pattern}'" for pattern in WHISPER_FILES)
        raise WeightsMissing(
            "the weights of the speech engine whisper are not installed",
            value=str(folder),
            fix=f"Where there is a network: hf download {WHISPER_HUB} {included} "
            f"--local-dir {folder}",
        )
    return folder


def _whisper_folder(settings: EngineSettings) -> Path:
    return (settings.weights_dir or settings.var_dir / "weights") / WHISPER_FOLDER
