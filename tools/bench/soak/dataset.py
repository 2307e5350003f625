"""The contents of a run: their vectors in two spaces, in files that every process of the run
maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.files import sha256_hex
from search.types import Modality, Vectors
from tools.bench.index.data import Geometry, Spec

PICTURES = 2
"""Pictures of a product, beside its one text."""

KINDS = (Modality.TEXT, Modality.PICTURE)
SECOND_SPACE = sha256_hex(b"the second space of a run")
"""Stands for the checksum of tuned heads: it names a second space, whose vectors are those of
the first, rotated."""

BLOCK = 4_096
QUERIES = 2_000
BRANDS = {"hundredth": 100, "tenth": 10}
"""Brands, and one in how many products carries them."""

Stored = npt.NDArray[np.float16]


def brand_of(content: int) -> str:
    """The brand of the product that was added with this content."""
    return next((name for name, every in BRANDS.items() if content % every == 0), "")


def content_hash(modality: Modality, row: int) -> str:
    return sha256_hex(f"{modality.value} {row}")


def rows_of(modality: Modality, content: int) -> range:
    """Rows of the pool that a content owns."""
    each = PICTURES if modality is Modality.PICTURE else 1
    return range(content * each, (content + 1) * each)


@dataclass(frozen=True, slots=True)
class Goods:
    """`contents` contents of `dim` dimensions under `folder`; space 0 is the first, space 1 the
    second.
    """

    folder: Path
    contents: int
    dim: int

    def draw(self, seed: int = 1) -> None:
        """Write every file."""
        rng = np.random.default_rng(seed)
        geometry = Geometry.of(Spec(rows=self.contents * PICTURES, dim=self.dim, seed=seed))
        clusters = rng.integers(len(geometry.centres), size=self.contents)
        rotation = np.linalg.qr(rng.standard_normal((self.dim, self.dim)))[0].astype(np.float32)
        pools = {(space, kind): self._pool(space, kind, "w+") for space in (0, 1) for kind in KINDS}
        for start in range(0, self.contents, BLOCK):
            owners = clusters[start : start + BLOCK]
            pictures = geometry.vectors(rng, owners.repeat(PICTURES))
            for kind, vectors in (
                (Modality.PICTURE, pictures),
                (Modality.TEXT, geometry.texts(rng, owners)),
            ):
                rows = slice(rows_of(kind, start).start, rows_of(kind, start + len(owners)).start)
                pools[0, kind][rows], pools[1, kind][rows] = vectors, vectors @ rotation
        wanted = rng.integers(len(geometry.centres), size=QUERIES)
        for kind, draw in ((Modality.PICTURE, geometry.vectors), (Modality.TEXT, geometry.texts)):
            asked = draw(rng, wanted)
            np.save(self._questions(0, kind), asked)
            np.save(self._questions(1, kind), asked @ rotation)

    def stored(self, space: int, kind: Modality) -> Stored:
        """Vectors as the database keeps them, memory-mapped."""
        return self._pool(space, kind, "r")

    def searched(self, space: int, kind: Modality) -> Vectors:
        """Vectors as the index scores them: read from the database, normalised, rounded to fp16.
        All in memory.
        """
        rows = self.stored(space, kind).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows.astype(np.float16).astype(np.float32)

    def questions(self, space: int, kind: Modality) -> Vectors:
        """Queries of this modality, shape (n, dim)."""
        return np.load(self._questions(space, kind))

    def _pool(self, space: int, kind: Modality, mode: str) -> Stored:
        shape = (rows_of(kind, self.contents).start, self.dim)
        return np.memmap(self.folder / f"{kind.value}.{space}", np.float16, mode, shape=shape)

    def _questions(self, space: int, kind: Modality) -> Path:
        return self.folder / f"{kind.value}.{space}.questions.npy"
