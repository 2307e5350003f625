"""The reader that web processes hold: the live generation and the delta of one space."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future, wait
from pathlib import Path

import numpy as np

from search.errors import ConfigError, CorruptGeneration, InvalidVectors
from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.faiss.generations import Generation, open_generation, open_newest_intact
from search.vectors.faiss.gpu.contract import Gpu
from search.vectors.faiss.query_threads import Lanes
from search.vectors.faiss.snapshot import Snapshot
from search.vectors.layout import Layout, PointerStamp
from search.vectors.status import IndexStatus, describe
from search.vectors.validation import check_change, check_filter, check_positive, check_vectors


class FaissIndexReader:
    """Searches the live generation and the delta of one space.

    Thread-safe: a search sees one consistent snapshot and never waits; refresh and swap are
    serialised. Open one per process, after any fork. The caller's loop, run by one thread at a
    time (a swap between reading the changes and applying them could lower `seq`), with the
    latest seq read before the changes:

        index.swap_if_published()
        index.refresh(get_changes_since(index.seq), latest_seq)

    Scores are inner products with vectors rounded to fp16, in the delta too, so that folding it
    changes no score.
    """

    def __init__(
        self,
        root: Path,
        space: Space,
        *,
        threads: int = 1,
        patience_s: float | None = None,
        gpu: Gpu | None = None,
        lock_memory: bool = False,
    ) -> None:
        """Open the live generation, or none: then the delta alone is searched, from seq 0 on.
        `threads` serve a call with several queries; `patience_s` is how long a later swap may
        keep its caller (None: until it is done); `gpu` is to hold and search the generation's
        vectors, as far as it has room; `lock_memory` forbids the system to page out the files.
        Raises ConfigError where that is not allowed.

        Where the live one is damaged, the newest intact one before it serves and
        `status().fault` tells.
        """
        self.space = space
        self._layout = Layout.of(root, space)
        self._gpu = gpu
        self._lock_memory = lock_memory
        self._lanes = Lanes(threads)
        self._writing = threading.Lock()
        self._swapping = threading.Lock()
        self._snapshot = Snapshot(space.dim)
        self._stamp: PointerStamp | None = None
        self._opening: tuple[PointerStamp, Future[Generation | None]] | None = None
        self._fault: str | None = None
        self._patience_s: float | None = None  # this once, whoever asks has nothing else to search
        self.swap_if_published()
        self._patience_s = patience_s
        if self.status().fault and (
            substitute := open_newest_intact(self._layout, space, gpu, lock_memory=lock_memory)
        ):
            self._take_over(substitute)

    @property
    def seq(self) -> int:
        """Every change up to this one is applied; the caller reloads those above it."""
        return self._snapshot.seq

    def refresh(self, changes: Iterable[ProductViews], seq: int) -> int:
        """Apply changes, in any order, as one step, and remember `seq`, which never goes back here.

        Returns how many were applied: a change that the generation or a newer change already
        covers is skipped, so that overlapping windows do no harm. Raises InvalidVectors, and
        QueryError for a seq below 1; then nothing was applied.
        """
        checked = sorted(
            (check_change(change, self.space.dim) for change in changes),
            key=lambda change: change.seq,
        )
        with self._writing:
            newest = {
                change.product_id: change for change in checked if not self._snapshot.covers(change)
            }
            self._snapshot = self._snapshot.applied(newest, seq)
        return len(newest)

    def swap_if_published(self) -> int | None:
        """Take over a generation that was published, or rolled back to, since the last look (one
        stat call).

        Returns None when nothing was taken over, else the seq from which the caller must reload
        changes, which is `seq` from now on: not lower than before after a build, lower after a
        rollback. Until that reload, a rolled back index answers as the older generation did. A
        damaged generation, or one that cannot be locked in memory, is refused and looked at
        again when the pointer moves; the former one stays and `status().fault` says why. While
        another thread is at it, returns None at once. One that takes longer than `patience_s` to
        check and open, which a large one does, is opened beside and taken over at a later look:
        changes go on being applied meanwhile. Raises ConfigError where nothing else serves than
        one that cannot be locked.
        """
        if not self._swapping.acquire(blocking=False):
            return None
        try:
            stamp = self._layout.stamp()
            if stamp is None or stamp == self._stamp:
                return None
            opening = self._being_opened(stamp)
            if not wait([opening], self._patience_s).done:
                return None
            self._opening = None
            generation = opening.result()
            self._stamp = stamp
            return None if generation is None else self._take_over(generation)
        finally:
            self._swapping.release()

    def _being_opened(self, stamp: PointerStamp) -> Future[Generation | None]:
        if self._opening is None or self._opening[0] != stamp:
            self._opening = (stamp, Future())
            opening = threading.Thread(
                target=self._open, args=(self._opening[1],), name="generation", daemon=True
            )
            opening.start()
        return self._opening[1]

    def _open(self, opened: Future[Generation | None]) -> None:
        try:
            opened.set_result(self._open_live())
        except BaseException as error:  # raised again where it is waited for
            opened.set_exception(error)

    def _open_live(self) -> Generation | None:
        current = self._snapshot.generation
        try:
            number = self._layout.live()
            self._fault = None
            if number is None or (current is not None and current.manifest.number == number):
                return None
            folder = self._layout.folder(number)
            return open_generation(folder, self.space, self._gpu, lock_memory=self._lock_memory)
        except CorruptGeneration as error:
            self._fault = str(error)
            return None
        except ConfigError as error:
            if current is None:
                raise
            self._fault = str(error)
            return None

    def _take_over(self, generation: Generation) -> int:
        with self._writing:
            self._snapshot = self._snapshot.swapped(generation)
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
        """The best k views for each query, shape (q, dim) or (dim,): one Candidates per query,
        best first.

        Ties are ordered by ascending view id. Each has exactly min(k, eligible views) rows.
        `allowed_products` is strictly ascending; empty allows nothing, None everything. The
        index is tuned for queries of each modality: `query_modality` says which these are, None asks for
        the most careful setting. `nprobe` overrides how many inverted lists are scanned. Raises
        QueryError (k, nprobe, filter) and InvalidVectors (dimension, NaN, zero, not a unit
        vector).
        """
        wanted = check_positive(k, "k")
        lists = None if nprobe is None else check_positive(nprobe, "nprobe")
        allowed = None if allowed_products is None else check_filter(allowed_products)
        snapshot = self._snapshot
        return self._lanes.answer(
            check_vectors(queries, self.space.dim),
            lambda some: snapshot.search(some, modality, wanted, allowed, query_modality, lists),
        )

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Exact scores of every view of these products for one query, shape (dim,).

        One Candidates per modality that has any, in the order of Modality, best first. Products
        come in any order; unknown ones are ignored. Raises InvalidVectors, and QueryError where
        the ids are not one row of integers.
        """
        checked = check_vectors(query, self.space.dim)
        if len(checked) != 1:
            raise InvalidVectors("one query is scored at a time", value=np.shape(query))
        return self._snapshot.score_products(checked[0], check_filter(np.unique(product_ids)))

    def background(self, modality: Modality) -> Vectors:
        """A fixed sample of up to 256 views, shape (b, dim), for standardising a query's scores
        by mean and deviation.

        The generation's; while that is smaller, filled up from the delta. Empty when there are
        no views.
        """
        return self._snapshot.background(modality)

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """The product's views, one batch per modality that has any, in the order of Modality."""
        return self._snapshot.get_views(product_id)

    def count(self, modality: Modality | None = None) -> int:
        """Searchable views, of one modality or of all."""
        snapshot = self._snapshot
        return sum(snapshot.count(part) for part in (Modality if modality is None else [modality]))

    def status(self) -> IndexStatus:
        """Sizes, age, shapes, recall, delta and fault."""
        return describe(self._snapshot, self.space, self._fault)
