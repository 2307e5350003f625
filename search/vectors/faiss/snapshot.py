"""One consistent picture of generation, tombstones and delta, never changed: searches need no
lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from search.types import Candidates, Ids, Modality, ProductViews, Vectors, ViewBatch
from search.vectors.delta import DeltaSegment
from search.vectors.faiss.generations import Generation
from search.vectors.faiss.segment import Segment
from search.vectors.row_filter import RowSet
from search.vectors.scoring import Block, Rows, Scored, exact_line
from search.vectors.store import BACKGROUND_SIZE, sample_rows


@dataclass(frozen=True)
class Snapshot:
    """`alive` holds each segment's rows that no change supersedes, `changed` the seq of every
    changed product.
    """

    dim: int
    seq: int = 0
    generation: Generation | None = None
    alive: Mapping[Modality, RowSet] = field(default_factory=dict)
    delta: Mapping[Modality, DeltaSegment] = field(default_factory=dict)
    changed: Mapping[int, int] = field(default_factory=dict)

    @property
    def generation_seq(self) -> int:
        return self.generation.manifest.seq if self.generation else 0

    @property
    def segments(self) -> Mapping[Modality, Segment]:
        return self.generation.segments if self.generation else {}

    @property
    def modalities(self) -> list[Modality]:
        return [
            modality for modality in Modality if modality in self.segments or modality in self.delta
        ]

    def covers(self, change: ProductViews) -> bool:
        """Whether the change, or a newer one of its product, is already seen here."""
        return change.seq <= max(self.generation_seq, self.changed.get(change.product_id, 0))

    def applied(self, changes: Mapping[int, ProductViews], seq: int) -> Snapshot:
        """The picture after these changes, keyed by product."""
        product_ids = np.array(sorted(changes), np.int64)
        delta = dict(self.delta)
        for modality in Modality:
            batches = [
                batch
                for change in changes.values()
                for batch in change.batches
                if batch.modality == modality
            ]
            if modality in delta or any(map(len, batches)):
                delta[modality] = delta.get(modality, DeltaSegment.empty(self.dim)).replaced(
                    product_ids, batches
                )
        return replace(
            self,
            seq=max(self.seq, seq),
            alive=_without(self.segments, self.alive, product_ids),
            delta=delta,
            changed={
                **self.changed,
                **{change.product_id: change.seq for change in changes.values()},
            },
        )

    def swapped(self, generation: Generation) -> Snapshot:
        """The picture over another generation, without the changes that it holds.

        An older generation than before lacks changes that the former one had folded in, so `seq`
        falls back to its.
        """
        covered = generation.manifest.seq
        folded = np.array(
            sorted(product for product, seq in self.changed.items() if seq <= covered), np.int64
        )
        changed = {product: seq for product, seq in self.changed.items() if seq > covered}
        everything = {
            modality: segment.everything for modality, segment in generation.segments.items()
        }
        return Snapshot(
            dim=self.dim,
            seq=covered if covered < self.generation_seq else max(self.seq, covered),
            generation=generation,
            alive=_without(generation.segments, everything, np.array(sorted(changed), np.int64)),
            delta={modality: part.replaced(folded, []) for modality, part in self.delta.items()},
            changed=changed,
        )

    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed: Ids | None,
        asked: Modality | None,
        nprobe: int | None,
    ) -> list[Candidates]:
        """One Candidates per query (q, dim); `allowed` ascending."""
        if modality in self.segments:
            segment, rows = self.segments[modality], self.alive[modality]
            if allowed is not None:
                rows = rows.among(segment.store.rows_of(allowed))
            found = segment.search(queries, k, rows, asked, nprobe=nprobe)
            answers = Scored.of(segment.store, found).in_order(modality)
        else:
            found = Block.nothing(len(queries))
            answers = [_none(modality)] * len(queries)
        if modality in self.delta:
            # Nothing that scores less than k rows of the segment can be among the k best of both.
            least = found.scores[:, -1] if found.scores.shape[1] == k else None
            newer = self.delta[modality].search(queries, k, allowed, least)
            if newer.rows.size:
                lines = np.flatnonzero((newer.rows >= 0).any(axis=1))
                joined = self._joined(
                    queries[lines], modality, k, found.lines(lines), newer.lines(lines)
                )
                for line, answer in zip(lines.tolist(), joined, strict=True):
                    answers[line] = answer
        return answers

    def _joined(
        self, queries: Vectors, modality: Modality, k: int, found: Block, newer: Block
    ) -> list[Candidates]:
        """Lines of the segment and of the delta together, cut to the k best."""
        parts = [Scored.of(self.delta[modality], newer)]
        if found.rows.size:
            parts.append(Scored.of(self.segments[modality].store, found))
        both = Scored.beside(parts)
        exact = {
            line: self._joined_exactly(
                queries[line], modality, k, found.rows[line], newer.rows[line]
            )
            for line in np.flatnonzero(both.close(k)).tolist()
        }
        return [
            exact.get(line) or answer for line, answer in enumerate(both.best_first(modality, k))
        ]

    def _joined_exactly(
        self, query: Vectors, modality: Modality, k: int, found: Ids, newer: Ids
    ) -> Candidates:
        """One line whose float32 scores are too close to call."""
        parts = [
            Scored.of(
                self.delta[modality], exact_line(self.delta[modality], query, newer[newer >= 0])
            )
        ]
        if found.size:
            store = self.segments[modality].store
            parts.append(Scored.of(store, exact_line(store, query, found)))
        return Scored.beside(parts).best_first(modality, k)[0]

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Exact scores of all views of these ascending products, one Candidates per modality
        that has any.
        """
        scored = []
        for modality in self.modalities:
            parts = [
                Scored.of(store, exact_line(store, query, rows))
                for store, rows in self._views(modality, product_ids)
            ]
            best = Scored.beside(parts).best_first(modality)[0]
            if len(best.scores):
                scored.append(best)
        return scored

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """The product's views, one batch per modality that has any."""
        batches = []
        for modality in self.modalities:
            for store, rows in self._views(modality, np.array([product_id], np.int64)):
                if rows.size:  # a product lies either in the generation or in the delta
                    batches.append(
                        ViewBatch(
                            modality,
                            store.view_ids[rows],
                            store.product_ids[rows],
                            store.vectors(rows),
                        )
                    )
        return batches

    def _views(self, modality: Modality, product_ids: Ids) -> list[tuple[Rows, Ids]]:
        found: list[tuple[Rows, Ids]] = []
        if modality in self.segments:
            store = self.segments[modality].store
            found.append((store, self.alive[modality].among(store.rows_of(product_ids)).numbers))
        if modality in self.delta:
            found.append((self.delta[modality], self.delta[modality].rows_of(product_ids)))
        return found

    def background(self, modality: Modality) -> Vectors:
        """The generation's sample; while that is small, filled up from the delta. Shape (b,
        dim).
        """
        sources: list[tuple[Rows, Ids]] = []
        if modality in self.segments:
            store = self.segments[modality].store
            sources.append((store, store.background_rows))
        if modality in self.delta and sum(len(rows) for _, rows in sources) < BACKGROUND_SIZE:
            sources.append((self.delta[modality], self.delta[modality].live_rows))
        if not sources:
            return np.empty((0, self.dim), np.float32)
        return _sample(sources)

    def count(self, modality: Modality) -> int:
        """Searchable views."""
        of_generation = self.alive[modality].count if modality in self.alive else 0
        return of_generation + (
            self.delta[modality].live_rows.size if modality in self.delta else 0
        )


def _none(modality: Modality) -> Candidates:
    return Candidates(
        modality, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    )


def _without(
    segments: Mapping[Modality, Segment], alive: Mapping[Modality, RowSet], product_ids: Ids
) -> Mapping[Modality, RowSet]:
    return {
        modality: alive[modality].without(segment.store.rows_of(product_ids))
        for modality, segment in segments.items()
    }


def _sample(sources: Sequence[tuple[Rows, Ids]]) -> Vectors:
    view_ids = np.concatenate([store.view_ids[rows] for store, rows in sources])
    owner = np.concatenate([np.full(len(rows), number) for number, (_, rows) in enumerate(sources)])
    numbers = np.concatenate([rows for _, rows in sources])
    chosen = sample_rows(view_ids)
    return np.concatenate(
        [
            store.vectors(numbers[chosen][owner[chosen] == number])
            for number, (store, _) in enumerate(sources)
        ]
    )
