"""What an index on a GPU found, which knows no filters, made an answer of the segment."""

from __future__ import annotations

import math

import numpy as np

from search.types import Ids, Vectors
from search.vectors.gpu.cuvs import MOST_FETCHED
from search.vectors.rows import UNFILTERED_SHARE, RowSet
from search.vectors.scoring import SPARE, Block, Scores, settled
from search.vectors.store import RowStore

NOTHING = np.finfo(np.float32).min


def to_fetch(k: int, rows: RowSet) -> int | None:
    """Rows to ask for, so that about k and some spare ones are eligible; None where a GPU is not to be asked."""
    share = rows.count / rows.size
    if share < UNFILTERED_SHARE:
        return None
    fetched = min(math.ceil((k + SPARE) / share), rows.size)
    return fetched if fetched <= MOST_FETCHED else None


def eligible(store: RowStore, queries: Vectors, scores: Scores, found: Ids, rows: RowSet, k: int) -> Block:
    """The k best rows of each query (q, k) that are in the set, from scores and row numbers (q, fetched): without rows
    that do not exist and without what a graph reached twice."""
    known = (found >= 0) & (found < rows.size)
    found = np.where(known, found, 0)
    kept = known & ~_repeated(found) if rows.is_all else known & ~_repeated(found) & rows.mask[found]
    scores = np.where(kept, scores, NOTHING)
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(np.where(kept, found, -1), order, 1)
    return settled(store, queries, np.take_along_axis(scores, order, 1), ordered, k)


def _repeated(found: Ids) -> np.ndarray:
    """Whether a row stands further left in the same line already."""
    order = np.argsort(found, axis=1, kind="stable")
    in_order = np.take_along_axis(found, order, 1)
    again = np.zeros(found.shape, np.bool_)
    again[:, 1:] = in_order[:, 1:] == in_order[:, :-1]
    repeated = np.empty_like(again)
    np.put_along_axis(repeated, order, again, 1)
    return repeated
