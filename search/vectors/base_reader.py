"""What the index readers of all backends share: the snapshot, its changes, swaps and status.

A backend adds how a published generation is found and opened.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import numpy as np

from search.errors import InvalidVectors
from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.query_threads import QueryThreadPool
from search.vectors.snapshot import GenerationT, Snapshot
from search.vectors.status import IndexStatus, describe_index
from search.vectors.validation import check_change, check_filter, check_positive, check_vectors

SnapshotT = TypeVar("SnapshotT", bound=Snapshot[Any])


class BaseIndexReader(ABC, Generic[SnapshotT, GenerationT]):
    """Searches the live generation and the delta of one space; implements `IndexReader`.

    A search takes one snapshot and never waits. Changes and swaps replace the snapshot, one at a
    time. Scores are inner products with vectors rounded to fp16, in the delta too, so that folding
    the delta into a generation changes no score.
    """

    def __init__(self, space: Space, snapshot: SnapshotT, *, threads: int = 1) -> None:
        """`snapshot` is empty; `threads` share the queries of one call."""
        self.space = space
        self._snapshot = snapshot
        self._fault: str | None = None
        self._threads = QueryThreadPool(threads)
        self._write_lock = threading.Lock()
        self._swap_lock = threading.Lock()

    @abstractmethod
    def _open_published(self) -> GenerationT | None:
        """Open the live generation, if it is another than the one in use.

        Returns None when there is nothing to take over. Sets `_fault` to why the live generation
        cannot be used, or to None when it can. Called by one thread at a time.
        """

    @property
    def seq(self) -> int:
        """Every change up to this one is applied; the caller reloads those above it."""
        return self._snapshot.seq

    def refresh(self, changes: Iterable[ProductViews], seq: int) -> int:
        """Apply changes as one step; see `IndexReader.refresh`."""
        checked = sorted(
            (check_change(change, self.space.dim) for change in changes),
            key=lambda change: change.seq,
        )
        with self._write_lock:
            snapshot = self._snapshot
            newest = {
                change.product_id: change for change in checked if not snapshot.includes(change)
            }
            self._snapshot = snapshot.with_changes(newest, seq)
        return len(newest)

    def swap_if_published(self) -> int | None:
        """Take over a newly published generation; see `IndexReader.swap_if_published`."""
        if not self._swap_lock.acquire(blocking=False):
            return None
        try:
            generation = self._open_published()
            return None if generation is None else self._take_over(generation)
        finally:
            self._swap_lock.release()

    def _take_over(self, generation: GenerationT) -> int:
        with self._write_lock:
            self._snapshot = self._snapshot.with_generation(generation)
            return self._snapshot.seq

    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed_products: Ids | None = None,
        *,
        query_modality: Modality | None = None,
        nprobe: int | None = None,
    ) -> list[Candidates]:
        """Find the best k views for each query; see `IndexReader.search`."""
        k = check_positive(k, "k")
        lists = None if nprobe is None else check_positive(nprobe, "nprobe")
        allowed = None if allowed_products is None else check_filter(allowed_products)
        snapshot = self._snapshot
        return self._threads.map(
            check_vectors(queries, self.space.dim),
            lambda part: snapshot.search(part, modality, k, allowed, query_modality, lists),
        )

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Score every view of these products; see `IndexReader.score_products`."""
        checked = check_vectors(query, self.space.dim)
        if len(checked) != 1:
            raise InvalidVectors("one query is scored at a time", value=np.shape(query))
        return self._snapshot.score_products(checked[0], check_filter(np.unique(product_ids)))

    def background(self, modality: Modality) -> Vectors:
        """Return a fixed sample of the modality's views; see `IndexReader.background`."""
        return self._snapshot.background(modality)

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """Return the product's views, one batch per modality, in the order of Modality."""
        return self._snapshot.get_views(product_id)

    def count(self, modality: Modality | None = None) -> int:
        """Return the number of searchable views, of one modality or of all."""
        snapshot = self._snapshot
        return sum(snapshot.count(part) for part in (Modality if modality is None else [modality]))

    def status(self) -> IndexStatus:
        """Return sizes, age, index types, recall, delta and fault."""
        return describe_index(self._snapshot, self.space, self._fault)
