"""One flipped bit at a time, anywhere in any file of the live generation: a reader that opens it
must notice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from search.types import Space
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader


@dataclass(slots=True)
class Damage:
    """`missed` names the files whose flipped bit was not noticed."""

    files: int = 0
    flips: int = 0
    missed: list[str] = field(default_factory=list)


def flip_bits(root: Path, space: Space, each: int, seed: int = 6) -> Damage:
    """Flip `each` random bits in every file, one after the other, and mend them again."""
    places = random.Random(seed)  # noqa: S311  # where a bit flips is no secret
    folder = (
        root
        / space.fingerprint
        / "generations"
        / str(FaissGenerations(root, space).get_live().number)
    )
    damage = Damage()
    for path in sorted(file for file in folder.iterdir() if file.is_file()):
        damage.files += 1
        for _ in range(each):
            damage.flips += 1
            if not _noticed(
                root, space, path, places.randrange(path.stat().st_size), 1 << places.randrange(8)
            ):
                damage.missed.append(path.name)
    return damage


def _noticed(root: Path, space: Space, path: Path, at: int, bit: int) -> bool:
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
