"""One consistent picture of a generation in Milvus and the delta in memory, never changed:
searches need no lock.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from search.types import Candidates, Ids, Modality, ProductViews, Vectors, ViewBatch
from search.vectors.delta import DeltaSegment
from search.vectors.milvus.filters import Eligible
from search.vectors.milvus.generation import RemoteGeneration
from search.vectors.milvus.ranking import merged, ranked
from search.vectors.milvus.result_rows import FetchedRows
from search.vectors.scoring import Scored, exact_line, exact_scores
from search.vectors.store import BACKGROUND_SIZE, sample_rows


@dataclass(frozen=True)
class RemoteSnapshot:
    """`changed` holds the seq of every changed product, `superseded` how many of the
    generation's views they mask.
    """

    dim: int
    seq: int = 0
    generation: RemoteGeneration | None = None
    delta: Mapping[Modality, DeltaSegment] = field(default_factory=dict)
    changed: Mapping[int, int] = field(default_factory=dict)
    superseded: Mapping[Modality, int] = field(default_factory=dict)

    @property
    def generation_seq(self) -> int:
        return self.generation.manifest.seq if self.generation else 0

    @functools.cached_property
    def hidden(self) -> Ids:
        """Products whose views in the generation must not be returned, ascending."""
        return np.array(sorted(self.changed), np.int64)

    def covers(self, change: ProductViews) -> bool:
        """Whether the change, or a newer one of its product, is already seen here."""
        return change.seq <= max(self.generation_seq, self.changed.get(change.product_id, 0))

    def applied(self, changes: Mapping[int, ProductViews], seq: int) -> RemoteSnapshot:
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
        masked = self._masked_by(np.setdiff1d(product_ids, self.hidden, assume_unique=True))
        return replace(
            self,
            seq=max(self.seq, seq),
            delta=delta,
            changed={
                **self.changed,
                **{change.product_id: change.seq for change in changes.values()},
            },
            superseded={
                modality: self.superseded.get(modality, 0) + masked.get(modality, 0)
                for modality in Modality
            },
        )

    def swapped(self, generation: RemoteGeneration) -> RemoteSnapshot:
        """The picture over another generation, without the changes that it holds; see
        `Snapshot.swapped`.
        """
        covered = generation.manifest.seq
        folded = np.array(
            sorted(product for product, seq in self.changed.items() if seq <= covered), np.int64
        )
        picture = RemoteSnapshot(
            dim=self.dim,
            seq=covered if covered < self.generation_seq else max(self.seq, covered),
            generation=generation,
            delta={modality: part.replaced(folded, []) for modality, part in self.delta.items()},
            changed={product: seq for product, seq in self.changed.items() if seq > covered},
        )
        return replace(picture, superseded=picture._masked_by(picture.hidden))

    def _masked_by(self, product_ids: Ids) -> Mapping[Modality, int]:
        return self.generation.count_of(product_ids) if self.generation and product_ids.size else {}

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
        parts: list[list[Candidates]] = []
        if self.generation and modality in self.generation.segments:
            eligible = Eligible.of(allowed, self.hidden)
            segment = self.generation.segments[modality]
            parts.append(segment.search(queries, k, eligible, asked, nprobe=nprobe))
        if modality in self.delta:
            fresh = self.delta[modality]
            rows = fresh.search(queries, k, allowed).rows
            parts.append(
                Scored.of(fresh, exact_scores(fresh, queries, rows)).best_first(modality, k)
            )
        return [
            merged([part[number] for part in parts], modality, k) for number in range(len(queries))
        ]

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Exact scores of all views of these ascending products, one Candidates per modality
        that has any.
        """
        stored = self._stored(product_ids)
        scored = []
        for modality in Modality:
            found = [ranked(stored[modality], query, modality)] if modality in stored else []
            if modality in self.delta:
                fresh = self.delta[modality]
                line = exact_line(fresh, query, fresh.rows_of(product_ids))
                found += Scored.of(fresh, line).best_first(modality)
            best = merged(found, modality)
            if len(best.scores):
                scored.append(best)
        return scored

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """The product's views, one batch per modality that has any."""
        wanted = np.array([product_id], np.int64)
        stored = self._stored(wanted)
        batches = []
        for modality in Modality:
            if modality in stored:
                batches.append(stored[modality].batch(modality))
            elif modality in self.delta and (rows := self.delta[modality].rows_of(wanted)).size:
                part = self.delta[modality]
                batches.append(
                    ViewBatch(
                        modality, part.view_ids[rows], part.product_ids[rows], part.vectors(rows)
                    )
                )
        return batches

    def _stored(self, product_ids: Ids) -> Mapping[Modality, FetchedRows]:
        """Views of these products that the generation holds and no change supersedes."""
        wanted = np.setdiff1d(product_ids, self.hidden, assume_unique=True)
        return self.generation.of_products(wanted) if self.generation and wanted.size else {}

    def background(self, modality: Modality) -> Vectors:
        """The generation's sample; while that is small, filled up from the delta. Shape (b,
        dim).
        """
        sample = self.generation.background.get(modality) if self.generation else None
        part = sample if sample is not None else FetchedRows.of([], self.dim)
        if len(part) >= BACKGROUND_SIZE or modality not in self.delta:
            return part.stored
        fresh = self.delta[modality]
        rows = fresh.live_rows
        chosen = sample_rows(np.concatenate([part.view_ids, fresh.view_ids[rows]]))
        vectors: Vectors = np.concatenate([part.stored, fresh.vectors(rows)])[chosen]
        return vectors

    def count(self, modality: Modality) -> int:
        """Searchable views."""
        segment = self.generation.segments.get(modality) if self.generation else None
        stored = segment.manifest.views - self.superseded.get(modality, 0) if segment else 0
        return stored + (self.delta[modality].live_rows.size if modality in self.delta else 0)
