"""Post-processes cuVS results: filters, re-scores and orders them. cuVS knows no filters."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from search.types import Ids, Vectors
from search.vectors.faiss.gpu.cuvs import MAX_FETCHED
from search.vectors.row_filter import UNFILTERED_SHARE, RowFilter
from search.vectors.scoring import OVERFETCH, ScoredRows, Scores, rerank_ties
from search.vectors.store import RowStore

MIN_SCORE = np.finfo(np.float32).min

RESCORE_BATCH_SIZE = 64
"""Queries whose shortlists are copied to the GPU together."""


def count_to_fetch(k: int, eligible: RowFilter) -> int | None:
    """Return how many rows to fetch so that about k and OVERFETCH of them are eligible.

    None where the filter leaves too few rows, or more rows are needed than cuVS returns.
    """
    share = eligible.count / eligible.size
    if share < UNFILTERED_SHARE:
        return None
    fetch = min(math.ceil((k + OVERFETCH) / share), eligible.size)
    return fetch if fetch <= MAX_FETCHED else None


@torch.inference_mode()
def rescore(device: str, store: RowStore, queries: Vectors, rows: Ids) -> Scores:
    """Return float32 inner products of queries (q, dim) with their `rows` (q, m), stored as fp16.

    Scores of rows that do not exist are meaningless.
    """
    known = np.where(_exist(rows, len(store)), rows, 0)
    scores = np.empty(rows.shape, np.float32)
    for start in range(0, len(queries), RESCORE_BATCH_SIZE):
        part = slice(start, start + RESCORE_BATCH_SIZE)
        stored = torch.from_numpy(store.fp16_vectors(known[part])).to(device).float()
        columns = torch.tensor(queries[part], device=device).unsqueeze(2)
        scores[part] = torch.bmm(stored, columns).squeeze(2).cpu().numpy()
    return scores


def select_eligible(
    store: RowStore, queries: Vectors, scores: Scores, rows: Ids, eligible: RowFilter, k: int
) -> ScoredRows:
    """Return the k best eligible rows of each query, from scores and rows (q, m).

    Drops rows that do not exist, which mean that the index found no more, and rows that a graph
    search returned twice.
    """
    kept = _exist(rows, eligible.size) & ~_find_repeated(rows)
    if not eligible.allows_all:
        kept &= eligible.mask[np.where(kept, rows, 0)]
    scores = np.where(kept, scores, MIN_SCORE)
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(np.where(kept, rows, -1), order, 1)
    return rerank_ties(store, queries, np.take_along_axis(scores, order, 1), ordered, k)


def _exist(rows: Ids, count: int) -> npt.NDArray[np.bool_]:
    exist: npt.NDArray[np.bool_] = (rows >= 0) & (rows < count)
    return exist


def _find_repeated(rows: Ids) -> npt.NDArray[np.bool_]:
    """Return, shape (q, m), which rows occur at an earlier place of the same query."""
    order = np.argsort(rows, axis=1, kind="stable")
    in_order = np.take_along_axis(rows, order, 1)
    again = np.zeros(rows.shape, np.bool_)
    again[:, 1:] = in_order[:, 1:] == in_order[:, :-1]
    repeated = np.empty_like(again)
    np.put_along_axis(repeated, order, again, 1)
    return repeated
