"""A snapshot over a generation in Milvus."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from search.types import Candidates, Ids, Modality, Vectors, ViewBatch
from search.vectors.milvus.filters import ProductFilter
from search.vectors.milvus.generation import MilvusGeneration
from search.vectors.milvus.result_rows import ResultRows
from search.vectors.milvus.segment import MilvusSegment, merge_candidates, rank_rows
from search.vectors.scoring import ScoredViews, score_exactly, score_one_query
from search.vectors.snapshot import Snapshot
from search.vectors.store import BACKGROUND_SIZE, sample_rows


@dataclass(frozen=True)
class MilvusSnapshot(Snapshot[MilvusGeneration]):
    """`superseded` counts the generation's views that changes mask, by modality."""

    superseded: Mapping[Modality, int] = field(default_factory=dict)

    @property
    def segments(self) -> Mapping[Modality, MilvusSegment]:
        return self.generation.segments if self.generation else {}

    @functools.cached_property
    def _hidden(self) -> Ids:
        """Products whose views in the generation must not be returned, ascending."""
        return np.array(sorted(self.changed), np.int64)

    def _mask(self, product_ids: Ids) -> Self:
        newly = np.setdiff1d(product_ids, self._hidden, assume_unique=True)
        masked = self.generation.count_views(newly) if self.generation and newly.size else {}
        superseded = {
            modality: self.superseded.get(modality, 0) + masked.get(modality, 0)
            for modality in Modality
        }
        return replace(self, superseded=superseded)

    def count_superseded(self, modality: Modality) -> int:
        return self.superseded.get(modality, 0)

    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed: Ids | None,
        query_modality: Modality | None,
        nprobe: int | None,
    ) -> list[Candidates]:
        """Search the segment and the delta, and merge both for each query."""
        parts: list[list[Candidates]] = []
        if modality in self.segments:
            eligible = ProductFilter.of(allowed, self._hidden)
            parts.append(
                self.segments[modality].search(queries, k, eligible, query_modality, nprobe=nprobe)
            )
        if modality in self.delta:
            delta = self.delta[modality]
            rows = delta.search(queries, k, allowed).rows
            scored = ScoredViews.from_rows(delta, score_exactly(delta, queries, rows))
            parts.append(scored.sort_to_candidates(modality, k))
        return [
            merge_candidates([part[query] for part in parts], modality, k)
            for query in range(len(queries))
        ]

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        stored = self._fetch_stored(product_ids)
        scored = []
        for modality in Modality:
            found = []
            if modality in stored:
                found.append(rank_rows(stored[modality], query, modality))
            if modality in self.delta:
                delta = self.delta[modality]
                rows = score_one_query(delta, query, delta.find_rows(product_ids))
                found += ScoredViews.from_rows(delta, rows).sort_to_candidates(modality)
            best = merge_candidates(found, modality)
            if len(best.scores):
                scored.append(best)
        return scored

    def get_views(self, product_id: int) -> list[ViewBatch]:
        product_ids = np.array([product_id], np.int64)
        stored = self._fetch_stored(product_ids)
        batches = []
        for modality in Modality:
            if modality in stored:
                batches.append(stored[modality].to_batch(modality))
            elif modality in self.delta:
                delta = self.delta[modality]
                rows = delta.find_rows(product_ids)
                if rows.size:
                    batch = ViewBatch(
                        modality, delta.view_ids[rows], delta.product_ids[rows], delta.vectors(rows)
                    )
                    batches.append(batch)
        return batches

    def _fetch_stored(self, product_ids: Ids) -> Mapping[Modality, ResultRows]:
        """Return the views of these products that the generation holds and no change masks."""
        wanted = np.setdiff1d(product_ids, self._hidden, assume_unique=True)
        return self.generation.fetch_products(wanted) if self.generation and wanted.size else {}

    def background(self, modality: Modality) -> Vectors:
        sample = self.generation.background.get(modality) if self.generation else None
        stored = ResultRows.from_entities([], self.dim) if sample is None else sample
        if len(stored) >= BACKGROUND_SIZE or modality not in self.delta:
            return stored.stored
        delta = self.delta[modality]
        rows = delta.live_rows
        chosen = sample_rows(np.concatenate([stored.view_ids, delta.view_ids[rows]]))
        vectors: Vectors = np.concatenate([stored.stored, delta.vectors(rows)])[chosen]
        return vectors
