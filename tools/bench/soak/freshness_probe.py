"""Search for views by their own vector: new ones must be found within a second, old ones not."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
from django.db import connections

from search.types import Modality, Vectors
from search.vectors.contract import IndexReader
from tools.bench.soak.dataset import SoakDataset, content_rows
from tools.bench.soak.journal import Change, ChangeKind, JournalReader
from tools.bench.soak.latency import Latencies
from tools.bench.soak.oracle import MAX_STALENESS_S
from tools.bench.soak.shop import soak_spaces
from webapp.retrieval.models_runtime import active_model

PROBE_INTERVAL_S = 0.05
RECHECK_SAMPLE_SIZE = 200
"""Number of new and of removed views to search for again after a new generation or space."""

TOP_K = 10


@dataclass(slots=True)
class ProbeResults:
    """Findings of the probe.

    `missing` lists products whose new views were not found in time, `returned` products whose
    removed views were found; `fresh` is the time until new views were found.
    """

    probed: int = 0
    fresh: Latencies = field(default_factory=Latencies)
    missing: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)


class FreshnessProbe:
    """Reads the journal from the start, and searches for the views that it adds and removes."""

    def __init__(self, dataset: SoakDataset, journal: Path, stop: Event) -> None:
        self.results = ProbeResults()
        self._journal = JournalReader(journal)
        self._stopping = stop
        self._random = random.Random(11)  # noqa: S311  # a sample, not a secret
        self._pools = [dataset.stored_vectors(space, Modality.PICTURE) for space in (0, 1)]
        self._numbers = {space.fingerprint: number for number, space in enumerate(soak_spaces())}
        self._current: dict[int, Change] = {}
        self._gone: dict[int, Change] = {}
        self._ids = [change.product_id for change in self._follow()]
        self._new: dict[int, Change] = {}
        self._written: list[int] = []
        self._until = time.monotonic()
        self._in_use: tuple[str, int | None] = ("", None)

    def product(self) -> int:
        """Return a random product that is or was in the shop."""
        return self._random.choice(self._ids)

    def run(self) -> None:
        """Probe until stopped."""
        while not self._stopping.wait(PROBE_INTERVAL_S):
            for change in self._follow():
                if change.adds_views:
                    self._new[change.product_id] = change
                    self._written.append(change.product_id)
            self._probe_new(active_model().index())
        self._journal.close()
        connections.close_all()

    def _follow(self) -> list[Change]:
        """Read the journal on, and return the new changes.

        `_current` holds the change with the views that a product has now, `_gone` the one with the
        views that it had before they were removed.
        """
        changes = self._journal.read()
        for change in changes:
            if change.removes_views:
                previous = self._current.pop(change.product_id)
                self._gone[change.product_id] = replace(
                    previous, kind=change.kind, committed=change.committed
                )
            if change.adds_views:
                if change.kind is not ChangeKind.REPLACED:  # replaced views stay removed
                    self._gone.pop(change.product_id, None)
                self._current[change.product_id] = change
        return changes

    def _probe_new(self, index: IndexReader) -> None:
        began = time.monotonic()
        new = [
            change
            for change in self._new.values()
            if self._current.get(change.product_id) is change
        ]
        self._new = {change.product_id: change for change in new}
        for change, found in zip(new, self._search_own_vectors(index, new), strict=True):
            age = began - change.committed
            if found:
                self.results.fresh.add(time.monotonic() - change.committed)
            if found or age > MAX_STALENESS_S:
                del self._new[change.product_id]
            if not found and age > MAX_STALENESS_S:
                self._confirm_fault(change, self.results.missing, self._current)
        due, self._until = self._until, began - MAX_STALENESS_S
        self._check_gone(
            index, [gone for gone in self._gone.values() if due < gone.committed <= self._until]
        )
        in_use = (index.space.fingerprint, index.status().generation)
        if in_use != self._in_use:
            self._recheck(index, began)
            self._in_use = in_use

    def _recheck(self, index: IndexReader, began: float) -> None:
        written = self._random.sample(self._written, min(RECHECK_SAMPLE_SIZE, len(self._written)))
        kept = [
            change
            for change in map(self._current.get, dict.fromkeys(written))
            if change is not None
        ]
        kept = [change for change in kept if began - change.committed > MAX_STALENESS_S]
        for change, found in zip(kept, self._search_own_vectors(index, kept), strict=True):
            if not found:
                self._confirm_fault(change, self.results.missing, self._current)
        gone = [
            change for change in self._gone.values() if began - change.committed > MAX_STALENESS_S
        ]
        self._check_gone(index, self._random.sample(gone, min(RECHECK_SAMPLE_SIZE, len(gone))))

    def _check_gone(self, index: IndexReader, gone: list[Change]) -> None:
        for change, found in zip(gone, self._search_own_vectors(index, gone), strict=True):
            if found:
                self._confirm_fault(change, self.results.returned, self._gone)

    def _confirm_fault(self, change: Change, faults: list[int], state: dict[int, Change]) -> None:
        """Record a fault, unless a newer change of the product explains it."""
        now = time.monotonic()
        while self._journal.until <= now and not self._stopping.wait(PROBE_INTERVAL_S):
            for later in self._follow():
                if later.adds_views:
                    self._new[later.product_id] = later
                    self._written.append(later.product_id)
        if state.get(change.product_id) is change:
            faults.append(change.product_id)

    def _search_own_vectors(self, index: IndexReader, changes: list[Change]) -> list[bool]:
        """Return for each change whether a search with the vector of its first view finds it."""
        if not changes:
            return []
        self.results.probed += len(changes)
        answers = index.search(
            self._vectors(index, changes), Modality.PICTURE, TOP_K, query_modality=Modality.PICTURE
        )
        wanted = [(change.views or {})[Modality.PICTURE][0] for change in changes]
        return [view_id in found.view_ids for view_id, found in zip(wanted, answers, strict=True)]

    def _vectors(self, index: IndexReader, changes: list[Change]) -> Vectors:
        pool = self._pools[self._numbers[index.space.fingerprint]]
        rows = pool[
            [content_rows(Modality.PICTURE, change.content).start for change in changes]
        ].astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
