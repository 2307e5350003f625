"""Train the heads of the bundled encoder: `python -m tools.training.compact --data FOLDER`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search.config import engine_settings
from search.encoders.compact.engine import HEADS
from search.encoders.compact.heads import save_heads
from search.encoders.compact.imagenet_labels import ClassWords, class_texts, class_vectors
from search.encoders.compact.pooling import FEATURES
from search.encoders.compact.towers import Towers
from search.encoders.device import pick_runtime
from search.encoders.presets import FOLDER, Preset, load_preset
from search.files import file_sha256, write_atomically
from search.media.picture import PictureLimits
from search.tuning.checkpoints import CheckpointSettings
from search.tuning.fit import FitResult, Recipe, fit
from search.tuning.pairs import Pairs
from search.tuning.provenance import json_digest, to_metadata
from tools.training.augment import TextVariations, varied
from tools.training.catalogues import CATALOGUE, read_catalogue
from tools.training.examples import (
    DESCRIBERS,
    Example,
    distinct_texts,
    group_numbers,
    read_examples,
    truth_table,
)
from tools.training.features import FeatureCache
from tools.training.holdout import held_out_pictures, without_held_out
from tools.training.image_augment import VIEWS, View

PRESET = FOLDER / "compact.json"


def main(argv: Sequence[str] | None = None) -> None:
    """Read pairs, compute features once, fit, write the heads and their checksum into the preset.

    Killed and started again with the same arguments, it goes on where it was and writes the same
    file.
    """
    options = _parse(argv)
    known = [options.data / name for name in DESCRIBERS if name not in options.without]
    folders = [*(folder for folder in known if folder.is_dir()), *options.extra]
    variations = TextVariations(options.text_variations, seed=options.seed)
    examples = varied(training_examples(folders, options.data / "eval"), variations)
    sys.stdout.write(f"{len(examples)} pictures to train on\n")
    preset = load_preset("compact")
    cache = _cache(preset, options.cache)
    pairs = _pairs(examples, cache, [VIEWS[name] for name in options.views])
    recipe = Recipe(seed=options.seed, epochs=options.epochs)
    kept = CheckpointSettings(options.checkpoint, every_seconds=options.checkpoint_seconds)
    fitted = fit(pairs, recipe, checkpoint=kept)
    counts = [len(members) for _, members in _by_folder(examples)]
    add_class_words(fitted, torch.split(pairs.pictures, counts, dim=1), cache.texts)
    for epoch, seen in enumerate(zip(fitted.losses, fitted.precisions, strict=True), start=1):
        sys.stdout.write(
            "epoch {:3d}  loss {:.3f}  precision of held pairs {:.3f}\n".format(epoch, *seen)
        )
    sources = {
        "folders": folder_summaries(examples), "views": options.views, "text_variations": asdict(variations),
        "class_texts": json_digest(class_texts()),
        "towers": {name: preset.checksums[name] for name in ("pictures", "texts")},
    }  # fmt: skip
    write(fitted, options.out, options.preset, sources)


def training_examples(folders: Sequence[Path], evaluation: Path) -> list[Example]:
    """Every example of the folders whose picture no evaluation folder uses."""
    examples = [example for folder in folders for example in _read(folder)]
    return without_held_out(examples, held_out_pictures(evaluation))


def _read(folder: Path) -> list[Example]:
    return list(read_catalogue(folder)) if (folder / CATALOGUE).is_file() else read_examples(folder)


def folder_summaries(examples: Sequence[Example]) -> dict[str, dict[str, int | str]]:
    """Of every folder how many pictures and distinct texts are trained on, and a digest of their
    names and texts.
    """
    return {
        folder: {
            "pictures": len(members),
            "texts": len(distinct_texts(members)),
            "digest": json_digest(
                [[example.picture.name, example.group, *example.texts] for example in members]
            ),
        }
        for folder, members in _by_folder(examples)
    }


def _by_folder(examples: Sequence[Example]) -> Iterator[tuple[str, list[Example]]]:
    yield from (
        (folder, list(group))
        for folder, group in groupby(examples, key=lambda example: example.folder)
    )


def add_class_words(
    fitted: FitResult, sources: Sequence[Tensor], text_features: Callable[[Sequence[str]], Tensor]
) -> None:
    """Give the picture head the words of the picture network's own classes, as the trained text
    head places them.

    `sources` are the training pictures' features (views, n, width) of every folder. The words
    are added after the training, because training with them gained nothing.
    """
    texts = torch.stack([text_features(kind) for kind in class_texts()]).float()
    classes = ClassWords(class_vectors(fitted.text(texts)))
    classes.observe([features.flatten(0, 1) for features in sources])
    fitted.picture.classes = classes


def write(fitted: FitResult, heads: Path, preset: Path, sources: Mapping[str, Any]) -> None:
    """Write the heads with their record, and their checksum into the preset: the two are only
    good together.

    `sources` is added to the record of the training.
    """
    heads.parent.mkdir(parents=True, exist_ok=True)
    metadata = to_metadata({**fitted.record, **sources})
    write_atomically(
        heads, lambda file: save_heads(Path(file.name), fitted.picture, fitted.text, metadata)
    )
    content = json.loads(preset.read_text(encoding="utf-8"))
    content["checksums"]["heads"] = file_sha256(heads)
    write_atomically(preset, json.dumps(content, indent=2) + "\n")


def _cache(preset: Preset, folder: Path) -> FeatureCache:
    settings = engine_settings()
    checksums = preset.checksums
    version = f"{checksums['pictures']} {checksums['texts']} {FEATURES}"
    return FeatureCache(
        Towers(checksums, pick_runtime(settings)),
        version,
        folder,
        PictureLimits.from_settings(settings),
    )


def _pairs(examples: Sequence[Example], cache: FeatureCache, views: Sequence[View]) -> Pairs:
    pictures: list[Tensor] = []
    texts: dict[str, Tensor] = {}
    # One folder at a time, so that another folder more or less leaves the features of the rest
    # valid.
    for folder, members in _by_folder(examples):
        pictures.append(cache.pictures([example.picture for example in members], folder, views))
        own = distinct_texts(members)
        texts |= zip(own, cache.texts(own), strict=True)
    return Pairs.from_arrays(
        torch.cat(pictures, dim=1).numpy(), torch.stack([*texts.values()]).numpy(),
        truth_table(examples, list(texts)), group_numbers(examples),
    )  # fmt: skip


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.training.compact", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of data folders and their eval folder"
    )
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        help="one more folder of pairs or a catalogue",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=DESCRIBERS,
        help="a data folder to leave out",
    )
    parser.add_argument("--out", type=Path, default=HEADS, help="where the heads go")
    parser.add_argument(
        "--preset", type=Path, default=PRESET, help="preset file that gets the new checksum"
    )
    cache = engine_settings().var_dir / "train"
    parser.add_argument(
        "--cache", type=Path, default=cache, help="where features are kept between runs"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=cache / "checkpoint",
        help="folder to go on from when a training was killed",
    )
    parser.add_argument(
        "--checkpoint-seconds", type=float, default=20.0, help="how often to write it, at most"
    )
    parser.add_argument(
        "--views",
        nargs="+",
        choices=VIEWS,
        default=["whole", "mirrored"],
        help="views of every picture, whole first",
    )
    parser.add_argument(
        "--text-variations", type=int, default=0, help="variations of every text, at most"
    )
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
