"""Which pictures may never be trained on: those of the evaluation folders, and copies of them
under other names.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from PIL import Image

from search.files import sha256_hex
from tools.training.examples import Example


def held_out_pictures(evaluation: Path) -> set[Path]:
    """Resolved paths of every picture that a catalogue or a query under `evaluation` names."""
    return {
        path
        for folder in sorted(evaluation.iterdir())
        if folder.is_dir()
        for path in _named(folder)
    }


def _named(folder: Path) -> Iterator[Path]:
    with (folder / "catalog.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            yield from ((folder / name).resolve() for name in row["images"].split("|") if name)
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        for query in map(json.loads, lines):
            if "image" in query:
                yield (folder / query["image"]).resolve()


def without_held_out(examples: Iterable[Example], held_out: Collection[Path]) -> list[Example]:
    """The examples whose picture is neither held out nor pixel for pixel the same as one that
    is.
    """
    digests = {pixel_digest(path) for path in held_out}
    return [
        example
        for example in examples
        if example.picture.resolve() not in held_out
        and pixel_digest(example.picture) not in digests
    ]


def pixel_digest(path: Path) -> str:
    """SHA-256 of the decoded RGB pixels: the same for copies whose files differ only in their
    metadata.
    """
    with Image.open(path) as picture:
        pixels = picture.convert("RGB")
        return sha256_hex(f"{pixels.size}".encode() + pixels.tobytes())
