"""Asks for every view by its own vector: new ones must be found within a second, gone ones must
not.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
from django.db import connections

from search.types import Modality, Vectors
from search.vectors.faiss.reader import FaissIndexReader
from tools.bench.soak.dataset import Goods, rows_of
from tools.bench.soak.journal import Change, JournalReader, Kind
from tools.bench.soak.latency import Latencies
from tools.bench.soak.oracle import STALE_S
from tools.bench.soak.shop import spaces
from webapp.retrieval.models_runtime import active_model

LOOK_EVERY_S = 0.05
RECHECKED = 200
"""New and gone views, so many of each, that are looked for again when another generation or
space is in use."""

AMONG = 10


@dataclass(slots=True)
class Probes:
    """`missing` and `returned` list products with a promise broken; `fresh` is how soon new
    views were found.
    """

    looked: int = 0
    fresh: Latencies = field(default_factory=Latencies)
    missing: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)


class Prober:
    """Follows the journal from the first product on."""

    def __init__(self, goods: Goods, journal: Path, stop: Event) -> None:
        self.probes = Probes()
        self._journal = JournalReader(journal)
        self._stopping = stop
        self._random = random.Random(11)  # noqa: S311  # which views are looked for again is no secret
        self._pools = [goods.stored(space, Modality.PICTURE) for space in (0, 1)]
        self._numbers = {space.fingerprint: number for number, space in enumerate(spaces())}
        self._current: dict[int, Change] = {}
        self._gone: dict[int, Change] = {}
        self._ids = [change.product_id for change in self._follow()]
        self._new: dict[int, Change] = {}
        self._written: list[int] = []
        self._until = time.monotonic()
        self._in_use: tuple[str, int | None] = ("", None)

    def product(self) -> int:
        """A product that is or was in the shop."""
        return self._random.choice(self._ids)

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopping.wait(LOOK_EVERY_S):
            for change in self._follow():
                if change.brings_views:
                    self._new[change.product_id] = change
                    self._written.append(change.product_id)
            self._look(active_model().index())
        self._journal.close()
        connections.close_all()

    def _follow(self) -> list[Change]:
        """Read what was written. `_current` is what a product shows, `_gone` what it last showed
        before it went.
        """
        changes = self._journal.read()
        for change in changes:
            if change.takes_views:
                former = self._current.pop(change.product_id)
                self._gone[change.product_id] = replace(
                    former, kind=change.kind, committed=change.committed
                )
            if change.brings_views:
                if change.kind is not Kind.REPLACED:  # what was replaced stays gone
                    self._gone.pop(change.product_id, None)
                self._current[change.product_id] = change
        return changes

    def _look(self, index: FaissIndexReader) -> None:
        began = time.monotonic()
        new = [
            change
            for change in self._new.values()
            if self._current.get(change.product_id) is change
        ]
        self._new = {change.product_id: change for change in new}
        for change, found in zip(new, self._found(index, new), strict=True):
            age = began - change.committed
            if found:
                self.probes.fresh.add(time.monotonic() - change.committed)
            if found or age > STALE_S:
                del self._new[change.product_id]
            if not found and age > STALE_S:
                self._suspect(change, self.probes.missing, self._current)
        due, self._until = self._until, began - STALE_S
        self._must_be_gone(
            index, [gone for gone in self._gone.values() if due < gone.committed <= self._until]
        )
        in_use = (index.space.fingerprint, index.status().generation)
        if in_use != self._in_use:
            self._look_again(index, began)
            self._in_use = in_use

    def _look_again(self, index: FaissIndexReader, began: float) -> None:
        written = self._random.sample(self._written, min(RECHECKED, len(self._written)))
        kept = [
            change
            for change in map(self._current.get, dict.fromkeys(written))
            if change is not None
        ]
        kept = [change for change in kept if began - change.committed > STALE_S]
        for change, found in zip(kept, self._found(index, kept), strict=True):
            if not found:
                self._suspect(change, self.probes.missing, self._current)
        gone = [change for change in self._gone.values() if began - change.committed > STALE_S]
        self._must_be_gone(index, self._random.sample(gone, min(RECHECKED, len(gone))))

    def _must_be_gone(self, index: FaissIndexReader, gone: list[Change]) -> None:
        for change, found in zip(gone, self._found(index, gone), strict=True):
            if found:
                self._suspect(change, self.probes.returned, self._gone)

    def _suspect(self, change: Change, faults: list[int], state: dict[int, Change]) -> None:
        """A fault, unless the journal has something newer about the product that explains it."""
        now = time.monotonic()
        while self._journal.until <= now and not self._stopping.wait(LOOK_EVERY_S):
            for later in self._follow():
                if later.brings_views:
                    self._new[later.product_id] = later
                    self._written.append(later.product_id)
        if state.get(change.product_id) is change:
            faults.append(change.product_id)

    def _found(self, index: FaissIndexReader, changes: list[Change]) -> list[bool]:
        """Whether a search with a view's own vector finds it among the best."""
        if not changes:
            return []
        self.probes.looked += len(changes)
        answers = index.search(
            self._vectors(index, changes), Modality.PICTURE, AMONG, query_modality=Modality.PICTURE
        )
        wanted = [(change.views or {})[Modality.PICTURE][0] for change in changes]
        return [view_id in found.view_ids for view_id, found in zip(wanted, answers, strict=True)]

    def _vectors(self, index: FaissIndexReader, changes: list[Change]) -> Vectors:
        pool = self._pools[self._numbers[index.space.fingerprint]]
        rows = pool[[rows_of(Modality.PICTURE, change.content).start for change in changes]].astype(
            np.float32
        )
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
