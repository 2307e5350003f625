"""Learns the connector of a CLAP preset: `python -m search.tuning.connector --preset NAME
[--texts FILE]`.

Needs nothing but texts; without a file of them, the names of AudioSet's classes in the phrases
of questions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from search.config import EngineSettings, engine_settings
from search.encoders.checkpoints import require_checkpoint
from search.encoders.clap.connector import FILE, learn
from search.encoders.clap.model import TextTower
from search.encoders.device import pick_runtime
from search.encoders.presets import load_preset, preset_names
from search.encoders.registry import load_engine
from search.tuning.sound_classes import NAMES, phrased
from search.types import TextRole


def main(argv: Sequence[str] | None = None) -> None:
    """Write the connector beside CLAP's weights, where the preset looks for it."""
    parser = argparse.ArgumentParser(prog="python -m search.tuning.connector", description=__doc__)
    parser.add_argument(
        "--preset",
        required=True,
        choices=[name for name in preset_names() if load_preset(name).beside],
    )
    parser.add_argument("--texts", type=Path, help="one text a line")
    asked = parser.parse_args(argv)
    texts = asked.texts.read_text("utf-8").splitlines() if asked.texts else usual_texts()
    path = connect(asked.preset, [text for text in texts if text.strip()], engine_settings())
    sys.stdout.write(f"{path}: learned from {len(texts)} texts\n")


def usual_texts() -> list[str]:
    """Every class of AudioSet in every phrase."""
    return [text for name in NAMES for text in phrased(name.lower())]


def connect(name: str, texts: Sequence[str], settings: EngineSettings) -> Path:
    """Learn the connector of a preset from these texts and store it. Raises WeightsMissing and
    InvalidWeights.
    """
    preset = load_preset(name)
    folder = require_checkpoint(preset, settings)
    theirs = TextTower(folder, pick_runtime(settings))(texts)
    ours = load_engine(settings.model_copy(update={"preset": preset.beside})).encode_texts(
        texts, TextRole.DOCUMENT
    )
    path = folder / FILE
    learn(theirs, ours).save(path)
    return path


if __name__ == "__main__":
    main()
