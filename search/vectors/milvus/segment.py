"""One modality of a generation in Milvus: a coarse search there, final scores here, on the
vectors it returns.
"""

from __future__ import annotations

import math

import numpy as np

from search.types import Candidates, Ids, Modality, Vectors
from search.vectors.manifest import SegmentManifest, Tuned
from search.vectors.milvus.collection import RemoteCollection
from search.vectors.milvus.filters import Eligible
from search.vectors.milvus.naming import rows_between
from search.vectors.milvus.ranking import merged, nothing, ranked
from search.vectors.milvus.result_rows import FIELDS, FetchedRows
from search.vectors.scoring import SPARE, TIE_MARGIN

SCANNED_PRODUCTS = 1_000
"""A filter that leaves no more products is answered by fetching and scoring all their views:
exact, and one query."""

SCANNED_ROWS = 4_096
"""Rows fetched at a time where everything is scored."""

UNTUNED = Tuned(nprobe=1, refine=1, recall=1, queries=1)
"""Of an exact index, which has neither lists nor a shortlist."""


class RemoteSegment:
    """Views of one modality and tenant."""

    def __init__(self, collection: RemoteCollection, manifest: SegmentManifest) -> None:
        self.manifest = manifest
        self.modality = manifest.modality
        self._collection = collection
        self._part = collection.names.in_part(manifest.modality)
        self._is_exact = collection.record.index_type == "FLAT"

    def search(
        self,
        queries: Vectors,
        k: int,
        eligible: Eligible,
        asked: Modality | None = None,
        *,
        tuned: Tuned | None = None,
        nprobe: int | None = None,
    ) -> list[Candidates]:
        """One Candidates per query (q, dim) with min(k, eligible views) entries, best first.

        `tuned` replaces what was tuned for queries of the modality `asked`, `nprobe` the number
        of lists alone. The shortlist is `refine` × k rows. It is filtered by expression where
        the filter is a short list, else by fetching more and dropping what is not eligible; a
        query that this leaves short is filled up exactly.
        """
        allowed = eligible.allowed
        if allowed is not None and len(allowed) <= SCANNED_PRODUCTS:
            return self._exactly(queries, k, allowed)
        setting = tuned or (self.manifest.tuned_for(asked) if self.manifest.tuned else UNTUNED)
        share = eligible.share(self.manifest.products)
        expression = eligible.short_expression
        wanted = k * setting.refine + SPARE
        limit = min(self._collection.most, wanted if expression else math.ceil(wanted / share))
        lists = nprobe or self._lists_for(setting.nprobe, limit, share if expression else 1.0)
        shortlists = self._collection.search(queries, limit, self._part + expression, lists)
        return [
            self._finish(query, rows, limit, k, eligible)
            for query, rows in zip(queries, shortlists, strict=True)
        ]

    def _exactly(self, queries: Vectors, k: int, product_ids: Ids) -> list[Candidates]:
        entities = self._collection.of_products(self._part, product_ids, FIELDS)
        rows = FetchedRows.of(entities, self._collection.dim)
        return [ranked(rows, query, self.modality, k) for query in queries]

    def _lists_for(self, nprobe: int, limit: int, share: float) -> int:
        """As many lists as hold, on average, the eligible rows that the tuned number holds, and
        `limit` of them.
        """
        lists, views = self.manifest.lists, self.manifest.views
        return max(1, min(lists, math.ceil(max(nprobe, limit * lists / views) / share)))

    def _finish(
        self, query: Vectors, rows: FetchedRows, limit: int, k: int, eligible: Eligible
    ) -> Candidates:
        found = self._ranked(query, rows, eligible)
        if self._settled(found, len(rows), limit, k):
            return merged([found], self.modality, k)
        return self._fill(query, k, eligible)

    def _ranked(self, query: Vectors, rows: FetchedRows, eligible: Eligible) -> Candidates:
        return ranked(eligible.kept(rows), query, self.modality)

    def _settled(self, found: Candidates, returned: int, limit: int, k: int) -> bool:
        """Are the best k among these? An exact index leaves it open only when the cut may have
        split a tie.
        """
        if len(found.scores) < k:
            return self._is_exact and returned < limit
        return (
            not self._is_exact
            or returned < limit
            or bool(found.scores[k - 1] - found.scores[-1] > TIE_MARGIN)
        )

    def _fill(self, query: Vectors, k: int, eligible: Eligible) -> Candidates:
        """Every list probed and the exact filter, for what the ordinary search left short; else
        all rows scored.
        """
        parts = []
        for expression in eligible.expressions():
            wanted, lists = self._part + expression, max(1, self.manifest.lists)
            (rows,) = self._collection.search(
                query[np.newaxis], self._collection.most, wanted, lists
            )
            if len(rows) < k and len(rows) < self._collection.count(wanted):
                return self._scan(query, k, eligible)
            parts.append(self._ranked(query, rows, eligible))
        return merged(parts, self.modality, k)

    def _scan(self, query: Vectors, k: int, eligible: Eligible) -> Candidates:
        """All eligible rows, scored piece by piece."""
        best = nothing(self.modality)
        for expression in eligible.expressions():
            for first in range(0, self._collection.record.manifest.views, SCANNED_ROWS):
                piece = self._part + rows_between(first, first + SCANNED_ROWS) + expression
                rows = self._collection.rows(piece, SCANNED_ROWS)
                best = merged([best, self._ranked(query, rows, eligible)], self.modality, k)
        return best
