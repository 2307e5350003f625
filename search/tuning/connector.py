"""Train the connector of a CLAP preset from texts alone.

`python -m search.tuning.connector --preset NAME [--texts FILE]`. Without a file of texts, the
class names of AudioSet in the phrases of queries are used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from search.config import EngineSettings, engine_settings
from search.encoders.checkpoints import require_checkpoint
from search.encoders.clap.connector import FILE, fit_connector
from search.encoders.clap.model import TextTower
from search.encoders.device import pick_runtime
from search.encoders.presets import load_preset, preset_names
from search.encoders.registry import load_engine
from search.tuning.audioset import CLASS_NAMES, phrase_label
from search.types import TextRole


def main(argv: Sequence[str] | None = None) -> None:
    """Write the connector next to CLAP's weights, where the preset expects it."""
    parser = argparse.ArgumentParser(prog="python -m search.tuning.connector", description=__doc__)
    parser.add_argument(
        "--preset",
        required=True,
        choices=[name for name in preset_names() if load_preset(name).base_preset],
    )
    parser.add_argument("--texts", type=Path, help="one text per line")
    options = parser.parse_args(argv)
    texts = options.texts.read_text("utf-8").splitlines() if options.texts else default_texts()
    path = train_connector(
        options.preset, [text for text in texts if text.strip()], engine_settings()
    )
    sys.stdout.write(f"{path}: learned from {len(texts)} texts\n")


def default_texts() -> list[str]:
    """Return every class of AudioSet in every phrase."""
    texts: list[str] = []
    for name in CLASS_NAMES:
        texts.extend(phrase_label(name.lower()))
    return texts


def train_connector(name: str, texts: Sequence[str], settings: EngineSettings) -> Path:
    """Fit the connector of a preset on these texts, save it, and return its path.

    Raises WeightsMissing and InvalidWeights.
    """
    preset = load_preset(name)
    folder = require_checkpoint(preset, settings)
    clap_vectors = TextTower(folder, pick_runtime(settings))(texts)
    base = load_engine(settings.model_copy(update={"preset": preset.base_preset}))
    base_vectors = base.encode_texts(texts, TextRole.DOCUMENT)
    path = folder / FILE
    fit_connector(clap_vectors, base_vectors).save(path)
    return path


if __name__ == "__main__":
    main()
