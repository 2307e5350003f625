"""A dataset as a catalogue for the builder: pictures, and titles across the modality gap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.types import Ids, Modality, Space, ViewBatch
from tools.bench.index.data import TUNING, VIEWS_PER_PRODUCT, Dataset

FIRST_TITLE = 1 << 40
"""View ids of titles are above those of pictures."""


def resolve_space(dataset: Dataset) -> Space:
    return Space("growth", "9204", dataset.spec.dim, frozenset({Modality.PICTURE, Modality.TEXT}))


def product_ids(rows: Ids) -> Ids:
    return rows // VIEWS_PER_PRODUCT + 1


def stream(dataset: Dataset) -> Iterator[ViewBatch]:
    """Yield all views; picture `row` of the dataset has the view id `row`."""
    for start, block in dataset.blocks():
        rows = np.arange(start, start + len(block))
        yield ViewBatch(Modality.PICTURE, rows, product_ids(rows), block)
    titles = dataset.queries(Modality.TEXT, TUNING)
    rows = np.arange(len(titles))
    yield ViewBatch(Modality.TEXT, rows + FIRST_TITLE, product_ids(rows), titles)
