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
from search.encoders.compact.engine import HEADS_FILE
from search.encoders.compact.heads import save_heads
from search.encoders.compact.imagenet_labels import (
    LabelEmbedding,
    build_label_vectors,
    list_label_texts,
)
from search.encoders.compact.pooling import FEATURES
from search.encoders.compact.towers import FrozenTowers
from search.encoders.device import pick_runtime
from search.encoders.presets import FOLDER, Preset, load_preset
from search.files import file_sha256, write_atomically
from search.media.limits import PictureLimits
from search.tuning.checkpoints import CheckpointSettings
from search.tuning.fit import FitResult, Recipe, fit
from search.tuning.pairs import Pairs
from search.tuning.provenance import json_digest, to_metadata
from tools.training.examples import (
    CATALOGUE,
    TEXTS_OF_DATASET,
    Example,
    build_truth_table,
    list_distinct_texts,
    number_groups,
    read_catalogue,
    read_examples,
)
from tools.training.features import FeatureCache
from tools.training.holdout import exclude_held_out, find_held_out_pictures
from tools.training.image_augment import VIEWS, View
from tools.training.text_augment import TextVariations, vary_texts

PRESET = FOLDER / "compact.json"


def main(argv: Sequence[str] | None = None) -> None:
    """Train the heads, and write them and their checksum.

    1. Read the training pairs, without held-out pictures, and vary their texts.
    2. Compute the features of the frozen towers, or read them from the cache.
    3. Fit the heads; a killed training resumes here and writes the same file.
    4. Add the label embedding, print the figures, write the heads and the preset.
    """
    options = _parse_arguments(argv)
    known = [options.data / name for name in TEXTS_OF_DATASET if name not in options.without]
    folders = [*(folder for folder in known if folder.is_dir()), *options.extra]
    variations = TextVariations(options.text_variations, seed=options.seed)
    examples = vary_texts(read_training_examples(folders, options.data / "eval"), variations)
    sys.stdout.write(f"{len(examples)} pictures to train on\n")
    preset = load_preset("compact")
    cache = _open_cache(preset, options.cache)
    pairs = _build_pairs(examples, cache, [VIEWS[name] for name in options.views])
    recipe = Recipe(seed=options.seed, epochs=options.epochs)
    checkpoints = CheckpointSettings(options.checkpoint, every_seconds=options.checkpoint_seconds)
    fitted = fit(pairs, recipe, checkpoint=checkpoints)
    counts = [len(members) for _, members in _by_folder(examples)]
    add_label_embedding(fitted, torch.split(pairs.pictures, counts, dim=1), cache.texts)
    for epoch, figures in enumerate(zip(fitted.losses, fitted.precisions, strict=True), start=1):
        sys.stdout.write(
            "epoch {:3d}  loss {:.3f}  precision on validation {:.3f}\n".format(epoch, *figures)
        )
    sources = {
        "folders": summarise_folders(examples),
        "views": options.views,
        "text_variations": asdict(variations),
        "class_texts": json_digest(list_label_texts()),
        "towers": {name: preset.checksums[name] for name in ("pictures", "texts")},
    }
    write_heads(fitted, options.out, options.preset, sources)


def read_training_examples(folders: Sequence[Path], evaluation: Path) -> list[Example]:
    """Return the examples of the folders, without pictures of the evaluation folders."""
    examples = [example for folder in folders for example in _read_folder(folder)]
    return exclude_held_out(examples, find_held_out_pictures(evaluation))


def _read_folder(folder: Path) -> list[Example]:
    return list(read_catalogue(folder)) if (folder / CATALOGUE).is_file() else read_examples(folder)


def summarise_folders(examples: Sequence[Example]) -> dict[str, dict[str, int | str]]:
    """Return per folder the number of pictures and distinct texts, and a digest of them."""
    return {
        folder: {
            "pictures": len(members),
            "texts": len(list_distinct_texts(members)),
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


def add_label_embedding(
    fitted: FitResult, sources: Sequence[Tensor], text_features: Callable[[Sequence[str]], Tensor]
) -> None:
    """Give the picture head the label embedding of the classes of the picture network.

    `sources` are the features of the training pictures, (views, n, width), by folder. The
    embedding is added after the training, because training with it gained nothing.
    """
    texts = torch.stack([text_features(kind) for kind in list_label_texts()]).float()
    classes = LabelEmbedding(build_label_vectors(fitted.text(texts)))
    classes.downweight_seen_classes([features.flatten(0, 1) for features in sources])
    fitted.picture.classes = classes


def write_heads(fitted: FitResult, heads: Path, preset: Path, sources: Mapping[str, Any]) -> None:
    """Write the heads with their record, and their checksum into the preset.

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


def _open_cache(preset: Preset, folder: Path) -> FeatureCache:
    settings = engine_settings()
    checksums = preset.checksums
    version = f"{checksums['pictures']} {checksums['texts']} {FEATURES}"
    return FeatureCache(
        FrozenTowers(checksums, pick_runtime(settings)),
        version,
        folder,
        PictureLimits.from_settings(settings),
    )


def _build_pairs(examples: Sequence[Example], cache: FeatureCache, views: Sequence[View]) -> Pairs:
    pictures: list[Tensor] = []
    texts: dict[str, Tensor] = {}
    # One folder at a time, so that cached features stay valid when a folder is added or removed.
    for folder, members in _by_folder(examples):
        pictures.append(cache.pictures([example.picture for example in members], folder, views))
        own = list_distinct_texts(members)
        texts |= zip(own, cache.texts(own), strict=True)
    return Pairs.from_arrays(
        torch.cat(pictures, dim=1).numpy(),
        torch.stack([*texts.values()]).numpy(),
        build_truth_table(examples, list(texts)),
        number_groups(examples),
    )


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.training.compact", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of data folders and their eval folder"
    )
    parser.add_argument(
        "--extra",
        type=Path,
        action="append",
        default=[],
        help="another folder of pairs, or a catalogue",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=TEXTS_OF_DATASET,
        help="a data folder to leave out",
    )
    parser.add_argument("--out", type=Path, default=HEADS_FILE, help="file to write the heads to")
    parser.add_argument(
        "--preset", type=Path, default=PRESET, help="preset file to write the checksum to"
    )
    cache = engine_settings().var_dir / "train"
    parser.add_argument(
        "--cache", type=Path, default=cache, help="folder of features, kept between runs"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=cache / "checkpoint",
        help="folder from which a killed training resumes",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=20.0,
        help="minimum interval between checkpoints",
    )
    parser.add_argument(
        "--views",
        nargs="+",
        choices=VIEWS,
        default=["whole", "mirrored"],
        help="views of every picture, the whole picture first",
    )
    parser.add_argument(
        "--text-variations", type=int, default=0, help="maximum number of variations of each text"
    )
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
