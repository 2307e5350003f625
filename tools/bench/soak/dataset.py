"""Synthetic contents: vectors in two spaces, in files that all processes of a run map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from search.files import sha256_hex
from search.types import Modality, Vectors
from tools.bench.index.data import Geometry, Spec

PICTURES = 2
"""Pictures per product; each product also has one text."""

KINDS = (Modality.TEXT, Modality.PICTURE)
SECOND_SPACE = sha256_hex(b"the second space of a run")
"""In place of the checksum of tuned heads: it names a second space, a rotation of the first."""

BLOCK = 4_096
QUERIES = 2_000
BRANDS = {"hundredth": 100, "tenth": 10}
"""Brands, and the interval of contents that have them: one in 100, one in 10."""

Stored = npt.NDArray[np.float16]


def content_brand(content: int) -> str:
    """Return the brand of the product that is added with this content."""
    return next((name for name, every in BRANDS.items() if content % every == 0), "")


def content_hash(modality: Modality, row: int) -> str:
    return sha256_hex(f"{modality.value} {row}")


def content_rows(modality: Modality, content: int) -> range:
    """Return the rows of a content in the pool of this modality."""
    each = PICTURES if modality is Modality.PICTURE else 1
    return range(content * each, (content + 1) * each)


@dataclass(frozen=True, slots=True)
class SoakDataset:
    """`contents` contents of `dim` dimensions under `folder`, in spaces 0 and 1."""

    folder: Path
    contents: int
    dim: int

    def draw(self, seed: int = 1) -> None:
        """Write all files."""
        rng = np.random.default_rng(seed)
        geometry = Geometry.draw(Spec(rows=self.contents * PICTURES, dim=self.dim, seed=seed))
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
                rows = slice(
                    content_rows(kind, start).start, content_rows(kind, start + len(owners)).start
                )
                pools[0, kind][rows], pools[1, kind][rows] = vectors, vectors @ rotation
        wanted = rng.integers(len(geometry.centres), size=QUERIES)
        for kind, draw in ((Modality.PICTURE, geometry.vectors), (Modality.TEXT, geometry.texts)):
            queries = draw(rng, wanted)
            np.save(self._query_path(0, kind), queries)
            np.save(self._query_path(1, kind), queries @ rotation)

    def stored_vectors(self, space: int, kind: Modality) -> Stored:
        """Return the vectors as the database stores them, memory-mapped."""
        return self._pool(space, kind, "r")

    def indexed_vectors(self, space: int, kind: Modality) -> Vectors:
        """Return the vectors as the index scores them, in memory: normalised and in fp16."""
        rows = self.stored_vectors(space, kind).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows.astype(np.float16).astype(np.float32)

    def queries(self, space: int, kind: Modality) -> Vectors:
        """Return the queries of this modality, (n, dim)."""
        return np.load(self._query_path(space, kind))

    def _pool(self, space: int, kind: Modality, mode: Literal["r", "w+"]) -> Stored:
        shape = (content_rows(kind, self.contents).start, self.dim)
        return np.memmap(self.folder / f"{kind.value}.{space}", np.float16, mode, shape=shape)

    def _query_path(self, space: int, kind: Modality) -> Path:
        return self.folder / f"{kind.value}.{space}.queries.npy"
