"""Train the heads of the bundled encoder: `python -m search.training.compact --data FOLDER`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from search.config import engine_settings
from search.encoders.compact.describe import FEATURES
from search.encoders.compact.engine import HEADS
from search.encoders.compact.heads import save_heads
from search.encoders.compact.towers import Towers
from search.encoders.digests import file_digest
from search.encoders.presets import FOLDER, load_preset
from search.encoders.runtime import pick_runtime
from search.media.picture import PictureLimits
from search.training.catalogues import CATALOGUE, read_catalogue
from search.training.examples import DESCRIBERS, Example, read_examples
from search.training.features import FeatureCache
from search.training.fit import Fitted, Recipe, fit
from search.training.holdout import held_out_pictures, without_held_out
from search.training.pairs import Pairs, distinct_texts, truth_table

PRESET = FOLDER / "compact.json"


def main(argv: Sequence[str] | None = None) -> None:
    """Read pairs, compute features once, fit, write the heads and their checksum into the preset."""
    options = _parse(argv)
    folders = [*(options.data / name for name in DESCRIBERS if (options.data / name).is_dir()), *options.extra]
    examples = training_examples(folders, options.data / "eval")
    sys.stdout.write(f"{len(examples)} pictures to train on\n")
    fitted = fit(_pairs(examples, options.cache), Recipe(seed=options.seed, epochs=options.epochs))
    for epoch, seen in enumerate(zip(fitted.losses, fitted.precisions, strict=True), start=1):
        sys.stdout.write("epoch {:3d}  loss {:.3f}  precision of held pairs {:.3f}\n".format(epoch, *seen))
    write(fitted, options.out, options.preset)


def training_examples(folders: Sequence[Path], evaluation: Path) -> list[Example]:
    """Every example of the folders whose picture no evaluation folder uses."""
    examples = [example for folder in folders for example in _read(folder)]
    return without_held_out(examples, held_out_pictures(evaluation))


def _read(folder: Path) -> list[Example]:
    return list(read_catalogue(folder)) if (folder / CATALOGUE).is_file() else read_examples(folder)


def write(fitted: Fitted, heads: Path, preset: Path) -> None:
    """Write the heads, and their checksum into the preset: the two are only good together."""
    heads.parent.mkdir(parents=True, exist_ok=True)
    save_heads(heads, fitted.picture, fitted.text)
    content = json.loads(preset.read_text(encoding="utf-8"))
    content["checksums"]["heads"] = file_digest(heads)
    preset.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _pairs(examples: Sequence[Example], cache_folder: Path) -> Pairs:
    settings = engine_settings()
    checksums = load_preset("compact").checksums
    version = f"{checksums['pictures']} {checksums['texts']} {FEATURES}"
    cache = FeatureCache(
        Towers(checksums, pick_runtime(settings)), version, cache_folder, PictureLimits.from_settings(settings)
    )
    pictures: list[Tensor] = []
    texts: dict[str, Tensor] = {}
    # One folder at a time, so that another folder more or less leaves the features of the rest valid.
    for folder, group in groupby(examples, key=lambda example: example.folder):
        members = list(group)
        pictures.append(cache.pictures([example.picture for example in members], folder))
        own = distinct_texts(members)
        texts |= zip(own, cache.texts(own), strict=True)
    return Pairs(torch.cat(pictures, dim=1), torch.stack([*texts.values()]), truth_table(examples, list(texts)))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m search.training.compact", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of data folders and their eval folder")
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        help="one more folder of pairs or a catalogue",
    )
    parser.add_argument("--out", type=Path, default=HEADS, help="where the heads go")
    parser.add_argument("--preset", type=Path, default=PRESET, help="preset file that gets the new checksum")
    cache = engine_settings().var_dir / "train"
    parser.add_argument("--cache", type=Path, default=cache, help="where features are kept between runs")
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
