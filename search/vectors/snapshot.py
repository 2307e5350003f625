"""One consistent, immutable view of a generation and the delta: searches need no lock.

Each backend adds how the generation's superseded views are masked and how it is searched.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from search.config import GpuIndexType
from search.types import Candidates, Ids, Modality, ProductViews, Vectors, ViewBatch
from search.vectors.delta import DeltaSegment
from search.vectors.manifest import Manifest, SegmentManifest


class OpenSegment(Protocol):
    """What status reports of an opened segment."""

    @property
    def manifest(self) -> SegmentManifest: ...

    @property
    def recall(self) -> float:
        """Recall@10 of the way in which the segment is searched."""

    @property
    def gpu_index_type(self) -> GpuIndexType | None:
        """How a GPU searches the segment; None where the processor does."""


class OpenGeneration(Protocol):
    """A generation that can be searched."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def segments(self) -> Mapping[Modality, OpenSegment]: ...


GenerationT = TypeVar("GenerationT", bound=OpenGeneration)


@dataclass(frozen=True)
class Snapshot(ABC, Generic[GenerationT]):
    """A generation and the delta of newer changes.

    `changed` holds the seq of every product that changed since the generation. Views of these
    products in the generation are masked.
    """

    dim: int
    seq: int = 0
    generation: GenerationT | None = None
    delta: Mapping[Modality, DeltaSegment] = field(default_factory=dict)
    changed: Mapping[int, int] = field(default_factory=dict)

    @abstractmethod
    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed: Ids | None,
        query_modality: Modality | None,
        nprobe: int | None,
    ) -> list[Candidates]:
        """Return one Candidates per query (q, dim); `allowed` are ascending product ids."""

    @abstractmethod
    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Return exact scores of all views of these ascending products, by modality."""

    @abstractmethod
    def get_views(self, product_id: int) -> list[ViewBatch]:
        """Return the product's views, one batch per modality that has any."""

    @abstractmethod
    def background(self, modality: Modality) -> Vectors:
        """Return the generation's sample, filled up from the delta while small, (b, dim)."""

    @abstractmethod
    def count_superseded(self, modality: Modality) -> int:
        """Return how many of the generation's views changes mask."""

    @abstractmethod
    def _mask(self, product_ids: Ids) -> Self:
        """Return a snapshot in which the generation's views of these products are masked too."""

    @property
    def generation_seq(self) -> int:
        return self.generation.manifest.seq if self.generation else 0

    @property
    def segments(self) -> Mapping[Modality, OpenSegment]:
        return self.generation.segments if self.generation else {}

    def includes(self, change: ProductViews) -> bool:
        """Return whether the change, or a newer one of its product, is already applied."""
        return change.seq <= max(self.generation_seq, self.changed.get(change.product_id, 0))

    def with_changes(self, changes: Mapping[int, ProductViews], seq: int) -> Self:
        """Return the snapshot after these changes, keyed by product."""
        product_ids = np.array(sorted(changes), np.int64)
        delta = dict(self.delta)
        for modality in Modality:
            batches = _batches_of(changes, modality)
            if modality in delta or any(map(len, batches)):
                previous = delta.get(modality, DeltaSegment.empty(self.dim))
                delta[modality] = previous.with_changes(product_ids, batches)
        changed = {change.product_id: change.seq for change in changes.values()}
        return replace(
            self._mask(product_ids),
            seq=max(self.seq, seq),
            delta=delta,
            changed={**self.changed, **changed},
        )

    def with_generation(self, generation: GenerationT) -> Self:
        """Return the snapshot over another generation, without the changes that it holds.

        An older generation than before lacks changes that the former one had folded in, so `seq`
        falls back to the older one's.
        """
        covered = generation.manifest.seq
        folded = np.array(
            sorted(product for product, seq in self.changed.items() if seq <= covered), np.int64
        )
        changed = {product: seq for product, seq in self.changed.items() if seq > covered}
        unmasked = type(self)(
            dim=self.dim,
            seq=covered if covered < self.generation_seq else max(self.seq, covered),
            generation=generation,
            delta={
                modality: part.with_changes(folded, []) for modality, part in self.delta.items()
            },
        )
        return replace(unmasked._mask(np.array(sorted(changed), np.int64)), changed=changed)

    def count(self, modality: Modality) -> int:
        """Return the number of searchable views."""
        segment = self.segments.get(modality)
        stored = segment.manifest.views - self.count_superseded(modality) if segment else 0
        return stored + (self.delta[modality].live_rows.size if modality in self.delta else 0)


def _batches_of(changes: Mapping[int, ProductViews], modality: Modality) -> list[ViewBatch]:
    return [
        batch
        for change in changes.values()
        for batch in change.batches
        if batch.modality == modality
    ]
