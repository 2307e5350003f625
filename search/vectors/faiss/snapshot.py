"""A snapshot over FAISS segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from search.types import Candidates, Ids, Modality, Vectors, ViewBatch
from search.vectors.faiss.generations import FaissGeneration
from search.vectors.faiss.segment import FaissSegment
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import (
    RowSource,
    ScoredRows,
    ScoredViews,
    empty_candidates,
    score_one_query,
)
from search.vectors.snapshot import Snapshot
from search.vectors.store import BACKGROUND_SIZE, sample_rows


@dataclass(frozen=True)
class FaissSnapshot(Snapshot[FaissGeneration]):
    """`alive` holds each segment's rows that no change supersedes."""

    alive: Mapping[Modality, RowFilter] = field(default_factory=dict)

    @property
    def segments(self) -> Mapping[Modality, FaissSegment]:
        return self.generation.segments if self.generation else {}

    @property
    def _modalities(self) -> list[Modality]:
        return [
            modality for modality in Modality if modality in self.segments or modality in self.delta
        ]

    def _mask(self, product_ids: Ids) -> Self:
        alive = {}
        for modality, segment in self.segments.items():
            rows = self.alive.get(modality, segment.all_rows)
            alive[modality] = rows.exclude(segment.store.find_rows(product_ids))
        return replace(self, alive=alive)

    def count_superseded(self, modality: Modality) -> int:
        alive = self.alive.get(modality)
        return alive.size - alive.count if alive else 0

    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed: Ids | None,
        query_modality: Modality | None,
        nprobe: int | None,
    ) -> list[Candidates]:
        """Search the segment, then the delta; merge the queries for which the delta has rows."""
        if modality in self.segments:
            segment, eligible = self.segments[modality], self.alive[modality]
            if allowed is not None:
                eligible = eligible.intersect(segment.store.find_rows(allowed))
            found = segment.search(queries, k, eligible, query_modality, nprobe=nprobe)
            answers = ScoredViews.from_rows(segment.store, found).to_candidates(modality)
        else:
            found = ScoredRows.empty(len(queries))
            answers = [empty_candidates(modality)] * len(queries)
        if modality in self.delta:
            # Rows that score less than k rows of the segment cannot be among the k best.
            min_scores = found.scores[:, -1] if found.scores.shape[1] == k else None
            newer = self.delta[modality].search(queries, k, allowed, min_scores)
            if newer.rows.size:
                changed = np.flatnonzero((newer.rows >= 0).any(axis=1))
                merged = self._merge(
                    queries[changed], modality, k, found.select(changed), newer.select(changed)
                )
                for query, answer in zip(changed.tolist(), merged, strict=True):
                    answers[query] = answer
        return answers

    def _merge(
        self, queries: Vectors, modality: Modality, k: int, found: ScoredRows, newer: ScoredRows
    ) -> list[Candidates]:
        """Merge rows of the segment and of the delta, cut to the k best."""
        parts = [ScoredViews.from_rows(self.delta[modality], newer)]
        if found.rows.size:
            parts.append(ScoredViews.from_rows(self.segments[modality].store, found))
        both = ScoredViews.concatenate(parts)
        exact = {
            query: self._merge_exactly(
                queries[query], modality, k, found.rows[query], newer.rows[query]
            )
            for query in np.flatnonzero(both.find_close_scores(k)).tolist()
        }
        return [
            exact.get(query) or answer
            for query, answer in enumerate(both.sort_to_candidates(modality, k))
        ]

    def _merge_exactly(
        self, query: Vectors, modality: Modality, k: int, found: Ids, newer: Ids
    ) -> Candidates:
        """Merge the rows of one query whose float32 scores are too close to order."""
        delta = self.delta[modality]
        parts = [ScoredViews.from_rows(delta, score_one_query(delta, query, newer[newer >= 0]))]
        if found.size:
            store = self.segments[modality].store
            parts.append(ScoredViews.from_rows(store, score_one_query(store, query, found)))
        return ScoredViews.concatenate(parts).sort_to_candidates(modality, k)[0]

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        scored = []
        for modality in self._modalities:
            parts = [
                ScoredViews.from_rows(source, score_one_query(source, query, rows))
                for source, rows in self._find_views(modality, product_ids)
            ]
            best = ScoredViews.concatenate(parts).sort_to_candidates(modality)[0]
            if len(best.scores):
                scored.append(best)
        return scored

    def get_views(self, product_id: int) -> list[ViewBatch]:
        product_ids = np.array([product_id], np.int64)
        batches = []
        for modality in self._modalities:
            # A product is either in the generation or in the delta.
            for source, rows in self._find_views(modality, product_ids):
                if rows.size:
                    batch = ViewBatch(
                        modality,
                        source.view_ids[rows],
                        source.product_ids[rows],
                        source.vectors(rows),
                    )
                    batches.append(batch)
        return batches

    def _find_views(self, modality: Modality, product_ids: Ids) -> list[tuple[RowSource, Ids]]:
        """Return the live rows of these ascending products, by the source they are in."""
        found: list[tuple[RowSource, Ids]] = []
        if modality in self.segments:
            store = self.segments[modality].store
            rows = self.alive[modality].intersect(store.find_rows(product_ids)).row_numbers
            found.append((store, rows))
        if modality in self.delta:
            found.append((self.delta[modality], self.delta[modality].find_rows(product_ids)))
        return found

    def background(self, modality: Modality) -> Vectors:
        sources: list[tuple[RowSource, Ids]] = []
        if modality in self.segments:
            store = self.segments[modality].store
            sources.append((store, store.background_rows))
        if modality in self.delta and sum(len(rows) for _, rows in sources) < BACKGROUND_SIZE:
            sources.append((self.delta[modality], self.delta[modality].live_rows))
        if not sources:
            return np.empty((0, self.dim), np.float32)
        return _sample_vectors(sources)


def _sample_vectors(sources: Sequence[tuple[RowSource, Ids]]) -> Vectors:
    """Return the vectors of a fixed sample of the rows of all sources."""
    view_ids = np.concatenate([source.view_ids[rows] for source, rows in sources])
    owner = np.concatenate([np.full(len(rows), number) for number, (_, rows) in enumerate(sources)])
    row_numbers = np.concatenate([rows for _, rows in sources])
    chosen = sample_rows(view_ids)
    return np.concatenate(
        [
            source.vectors(row_numbers[chosen][owner[chosen] == number])
            for number, (source, _) in enumerate(sources)
        ]
    )
