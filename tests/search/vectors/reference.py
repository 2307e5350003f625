"""A reference index in plain numpy and dictionaries, and the catalogues of the tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch

Views = dict[int, tuple[ViewBatch, ...]]


def make_space(dim: int = 16, fingerprint: str = "5face") -> Space:
    return Space("test", fingerprint, dim, frozenset(Modality))


def unit(rows: np.ndarray) -> Vectors:
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def clustered(count: int, dim: int = 16, seed: int = 0) -> Vectors:
    """Return unit vectors around a few centres, like embeddings of a catalogue."""
    centres = np.random.default_rng(99).standard_normal((12, dim))
    rng = np.random.default_rng(seed)
    return unit(centres[rng.integers(0, 12, count)] + 0.5 * rng.standard_normal((count, dim)))


def batch(
    modality: Modality, product_id: int, view_ids: Sequence[int], vectors: Vectors
) -> ViewBatch:
    ids = np.asarray(view_ids, np.int64)
    return ViewBatch(modality, ids, np.full(len(ids), product_id, np.int64), vectors)


def catalogue(
    products: int, *, views: int = 2, dim: int = 16, modality: Modality = Modality.PICTURE
) -> Views:
    vectors = clustered(products * views, dim, seed=products)
    return {
        product: (
            batch(
                modality,
                product,
                range(product * views, (product + 1) * views),
                vectors[product * views :][:views],
            ),
        )
        for product in range(products)
    }


def stream(views: Views) -> Iterator[ViewBatch]:
    for batches in views.values():
        yield from batches


def changes(views: Views, first_seq: int) -> list[ProductViews]:
    return [
        ProductViews(product, first_seq + at, batches)
        for at, (product, batches) in enumerate(views.items())
    ]


@dataclass
class ReferenceIndex:
    """Scores every view of every product by the definition: what an exact search must find."""

    views: Views = field(default_factory=dict)

    def refresh(self, applied: Iterable[ProductViews]) -> None:
        for change in applied:
            self.views[change.product_id] = change.batches

    def rows(self, modality: Modality, allowed: Ids | None = None) -> ViewBatch:
        found = [
            part
            for product, batches in self.views.items()
            if allowed is None or product in allowed
            for part in batches
            if part.modality == modality and len(part)
        ]
        if not found:
            return ViewBatch(
                modality,
                np.empty(0, np.int64),
                np.empty(0, np.int64),
                np.empty((0, 16), np.float32),
            )
        joined = [
            np.concatenate([getattr(part, name) for part in found])
            for name in ("view_ids", "product_ids", "vectors")
        ]
        return ViewBatch(modality, *joined)

    def search(
        self, query: Vectors, modality: Modality, k: int | None, allowed: Ids | None = None
    ) -> Candidates:
        rows = self.rows(modality, allowed)
        stored = rows.vectors.astype(np.float16).astype(np.float64)
        scores = (
            (stored @ query.astype(np.float64)).astype(np.float32)
            if len(rows)
            else np.empty(0, np.float32)
        )
        order = np.lexsort((rows.product_ids, rows.view_ids, -scores))[:k]
        return Candidates(modality, rows.view_ids[order], rows.product_ids[order], scores[order])


def assert_same(found: Candidates, wanted: Candidates) -> None:
    assert found.modality == wanted.modality
    np.testing.assert_array_equal(found.view_ids, wanted.view_ids)
    np.testing.assert_array_equal(found.product_ids, wanted.product_ids)
    np.testing.assert_allclose(found.scores, wanted.scores, rtol=0, atol=1e-6)
