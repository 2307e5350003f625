"""Flip single bits in all files of the live generation: a reader that opens it must detect each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from search.types import Space
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader


@dataclass(slots=True)
class DamageResult:
    """Number of files and flips; `missed` names the file of each undetected flip."""

    files: int = 0
    flips: int = 0
    missed: list[str] = field(default_factory=list)


def flip_bits(root: Path, space: Space, each: int, seed: int = 6) -> DamageResult:
    """Flip `each` random bits of every file, one at a time, and restore them."""
    places = random.Random(seed)  # noqa: S311  # a sample, not a secret
    folder = (
        root
        / space.fingerprint
        / "generations"
        / str(FaissGenerations(root, space).get_live().number)
    )
    damage = DamageResult()
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        damage.files += 1
        for _ in range(each):
            damage.flips += 1
            if not _is_detected(
                root, space, path, places.randrange(path.stat().st_size), 1 << places.randrange(8)
            ):
                damage.missed.append(path.name)
    return damage


def _is_detected(root: Path, space: Space, path: Path, at: int, bit: int) -> bool:
    _flip(path, at, bit)
    try:
        return FaissIndexReader(root, space).status().fault is not None
    finally:
        _flip(path, at, bit)


def _flip(path: Path, at: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ bit]))
