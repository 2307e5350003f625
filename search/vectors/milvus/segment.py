"""One modality of a generation in Milvus.

The server finds a shortlist; the final scores are computed here, from the vectors it returns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from search.config import GpuIndexType
from search.types import Candidates, Ids, Modality, Vectors
from search.vectors.manifest import SegmentManifest, TunedSetting
from search.vectors.milvus.collection import MilvusCollection
from search.vectors.milvus.filters import ProductFilter
from search.vectors.milvus.naming import row_between
from search.vectors.milvus.result_rows import FIELDS, ResultRows
from search.vectors.scoring import (
    OVERFETCH,
    TIE_MARGIN,
    ScoredViews,
    empty_candidates,
    score_one_query,
)

MAX_FETCHED_PRODUCTS = 1_000
"""With no more allowed products, all their views are fetched and scored: exact, and one query."""

SCAN_BATCH_SIZE = 4_096
"""Rows fetched at a time where all rows are scored."""

EXACT_SETTING = TunedSetting(nprobe=1, refine=1, recall=1, queries=1)
"""The setting of an exact index, which has neither lists nor a shortlist."""


def rank_rows(
    rows: ResultRows, query: Vectors, modality: Modality, k: int | None = None
) -> Candidates:
    """Order rows by their exact scores for one query (dim,), best first."""
    scored = score_one_query(rows, query, rows.row_numbers)
    return ScoredViews.from_rows(rows, scored).sort_to_candidates(modality, k)[0]


def merge_candidates(
    parts: Sequence[Candidates], modality: Modality, k: int | None = None
) -> Candidates:
    """Merge views found in several places for one query, best first."""
    if not parts:
        return empty_candidates(modality)
    views = [
        ScoredViews(
            part.scores[np.newaxis], part.view_ids[np.newaxis], part.product_ids[np.newaxis]
        )
        for part in parts
    ]
    return ScoredViews.concatenate(views).sort_to_candidates(modality, k)[0]


class MilvusSegment:
    """Views of one modality and tenant."""

    gpu_index_type: GpuIndexType | None = None  # the server's GPUs are its own matter

    def __init__(self, collection: MilvusCollection, manifest: SegmentManifest) -> None:
        self.manifest = manifest
        self.modality = manifest.modality
        self._collection = collection
        self._part = collection.names.part_is(manifest.modality)
        self._is_exact = collection.metadata.index_type == "FLAT"

    @property
    def recall(self) -> float:
        return self.manifest.recall

    def search(
        self,
        queries: Vectors,
        k: int,
        eligible: ProductFilter,
        query_modality: Modality | None = None,
        *,
        setting: TunedSetting | None = None,
        nprobe: int | None = None,
    ) -> list[Candidates]:
        """Return for each query (q, dim) its min(k, eligible views) best views, best first.

        1. Score all views of the allowed products where these are few.
        2. Else fetch a shortlist of `refine` × k rows per query. A short list of allowed products
           is sent as a filter; without one, more rows are fetched and those not eligible dropped.
        3. Score the shortlist exactly; search a query again, exactly filtered, that lacks rows.

        `setting` replaces what was tuned for queries of `query_modality`, `nprobe` the number of
        lists alone.
        """
        allowed = eligible.allowed
        if allowed is not None and len(allowed) <= MAX_FETCHED_PRODUCTS:
            return self._search_products(queries, k, allowed)
        if setting is None:
            is_tuned = bool(self.manifest.tuned)
            setting = self.manifest.setting_for(query_modality) if is_tuned else EXACT_SETTING
        share = eligible.share_of(self.manifest.products)
        expression = eligible.short_expression
        wanted = k * setting.refine + OVERFETCH
        limit = min(self._collection.max_limit, wanted if expression else math.ceil(wanted / share))
        lists = nprobe or self._lists_to_scan(setting.nprobe, limit, share if expression else 1.0)
        shortlists = self._collection.search(queries, limit, self._part + expression, lists)
        return [
            self._finish(query, rows, limit, k, eligible)
            for query, rows in zip(queries, shortlists, strict=True)
        ]

    def _search_products(self, queries: Vectors, k: int, product_ids: Ids) -> list[Candidates]:
        entities = self._collection.query_products(self._part, product_ids, FIELDS)
        rows = ResultRows.from_entities(entities, self._collection.dim)
        return [rank_rows(rows, query, self.modality, k) for query in queries]

    def _lists_to_scan(self, nprobe: int, limit: int, share: float) -> int:
        """Return the lists that hold, on average, `limit` eligible rows.

        They also hold as many eligible rows as `nprobe` lists do without a filter.
        """
        lists, views = self.manifest.lists, self.manifest.views
        return max(1, min(lists, math.ceil(max(nprobe, limit * lists / views) / share)))

    def _finish(
        self, query: Vectors, rows: ResultRows, limit: int, k: int, eligible: ProductFilter
    ) -> Candidates:
        found = self._rank_eligible(query, rows, eligible)
        if self._is_complete(found, len(rows), limit, k):
            return merge_candidates([found], self.modality, k)
        return self._search_all_lists(query, k, eligible)

    def _rank_eligible(
        self, query: Vectors, rows: ResultRows, eligible: ProductFilter
    ) -> Candidates:
        return rank_rows(eligible.select(rows), query, self.modality)

    def _is_complete(self, found: Candidates, returned: int, limit: int, k: int) -> bool:
        """Return whether the best k are among these.

        In an exact index, only a tie that the limit may have cut off leaves that open.
        """
        if len(found.scores) < k:
            return self._is_exact and returned < limit
        return (
            not self._is_exact
            or returned < limit
            or bool(found.scores[k - 1] - found.scores[-1] > TIE_MARGIN)
        )

    def _search_all_lists(self, query: Vectors, k: int, eligible: ProductFilter) -> Candidates:
        """Search every list with the exact filter; score all rows where that is not enough."""
        parts = []
        for filter_expression in eligible.expressions():
            expression = self._part + filter_expression
            (rows,) = self._collection.search(
                query[np.newaxis],
                self._collection.max_limit,
                expression,
                max(1, self.manifest.lists),
            )
            if len(rows) < k and len(rows) < self._collection.count(expression):
                return self._scan(query, k, eligible)
            parts.append(self._rank_eligible(query, rows, eligible))
        return merge_candidates(parts, self.modality, k)

    def _scan(self, query: Vectors, k: int, eligible: ProductFilter) -> Candidates:
        """Score all eligible rows, some at a time."""
        best = empty_candidates(self.modality)
        for filter_expression in eligible.expressions():
            for first in range(0, self._collection.metadata.manifest.views, SCAN_BATCH_SIZE):
                batch = self._part + row_between(first, first + SCAN_BATCH_SIZE)
                rows = self._collection.fetch_rows(batch + filter_expression, SCAN_BATCH_SIZE)
                found = self._rank_eligible(query, rows, eligible)
                best = merge_candidates([best, found], self.modality, k)
        return best
