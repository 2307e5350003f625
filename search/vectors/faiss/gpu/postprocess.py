"""What an index of cuVS found, which knows no filters, made an answer of the segment."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from search.types import Ids, Vectors
from search.vectors.faiss.gpu.cuvs import MOST_FETCHED
from search.vectors.row_filter import UNFILTERED_SHARE, RowSet
from search.vectors.scoring import SPARE, Block, Scores, settled
from search.vectors.store import RowStore

NOTHING = np.finfo(np.float32).min

RESCORED_AT_ONCE = 64
"""Queries whose shortlists are copied to the GPU together."""


def to_fetch(k: int, rows: RowSet) -> int | None:
    """Rows to ask for, so that about k and some spare ones are eligible; None where a GPU is not
    to be asked.
    """
    share = rows.count / rows.size
    if share < UNFILTERED_SHARE:
        return None
    fetched = min(math.ceil((k + SPARE) / share), rows.size)
    return fetched if fetched <= MOST_FETCHED else None


@torch.inference_mode()
def rescored(device: str, store: RowStore, queries: Vectors, found: Ids) -> Scores:
    """Inner products of queries (q, dim) with the rows found for each (q, m), float32, of the
    fp16 rows of the store; of no meaning where there is no such row.
    """
    known = np.where(_exist(found, len(store)), found, 0)
    scores = np.empty(found.shape, np.float32)
    for start in range(0, len(queries), RESCORED_AT_ONCE):
        part = slice(start, start + RESCORED_AT_ONCE)
        rows = torch.from_numpy(store.halves(known[part])).to(device).float()
        asked = torch.tensor(queries[part], device=device).unsqueeze(2)
        scores[part] = torch.bmm(rows, asked).squeeze(2).cpu().numpy()
    return scores


def eligible(
    store: RowStore, queries: Vectors, scores: Scores, found: Ids, rows: RowSet, k: int
) -> Block:
    """The k best rows of each query (q, k) that are in the set, from scores and row numbers (q,
    m): without rows that do not exist, which is how an index says that it found no more, and
    without what a graph reached twice.
    """
    kept = _exist(found, rows.size) & ~_repeated(found)
    if not rows.is_all:
        kept &= rows.mask[np.where(kept, found, 0)]
    scores = np.where(kept, scores, NOTHING)
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(np.where(kept, found, -1), order, 1)
    return settled(store, queries, np.take_along_axis(scores, order, 1), ordered, k)


def _exist(found: Ids, rows: int) -> npt.NDArray[np.bool_]:
    exist: npt.NDArray[np.bool_] = (found >= 0) & (found < rows)
    return exist


def _repeated(found: Ids) -> npt.NDArray[np.bool_]:
    """Whether a row stands further left in the same line already."""
    order = np.argsort(found, axis=1, kind="stable")
    in_order = np.take_along_axis(found, order, 1)
    again = np.zeros(found.shape, np.bool_)
    again[:, 1:] = in_order[:, 1:] == in_order[:, :-1]
    repeated = np.empty_like(again)
    np.put_along_axis(repeated, order, again, 1)
    return repeated
