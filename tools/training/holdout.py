"""Keep the pictures of the evaluation folders, and their copies, out of the training."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from PIL import Image

from search.files import sha256_hex
from tools.training.examples import Example


def find_held_out_pictures(evaluation: Path) -> set[Path]:
    """Return the resolved paths of all pictures in catalogues and queries under `evaluation`."""
    return {
        path
        for folder in sorted(evaluation.iterdir())
        if folder.is_dir()
        for path in _list_pictures(folder)
    }


def _list_pictures(folder: Path) -> Iterator[Path]:
    with (folder / "catalog.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            yield from ((folder / name).resolve() for name in row["images"].split("|") if name)
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        for query in map(json.loads, lines):
            if "image" in query:
                yield (folder / query["image"]).resolve()


def exclude_held_out(examples: Iterable[Example], held_out: Collection[Path]) -> list[Example]:
    """Return the examples whose picture is not held out, nor a pixel-exact copy of one that is."""
    digests = {digest_pixels(path) for path in held_out}
    return [
        example
        for example in examples
        if example.picture.resolve() not in held_out
        and digest_pixels(example.picture) not in digests
    ]


def digest_pixels(path: Path) -> str:
    """Return the SHA-256 of the decoded RGB pixels, which does not depend on metadata."""
    with Image.open(path) as picture:
        pixels = picture.convert("RGB")
        return sha256_hex(f"{pixels.size}".encode() + pixels.tobytes())
