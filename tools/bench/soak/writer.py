"""The writer: inserts, updates, deletes, hides and shows products at a steady rate."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from tools.bench.soak.journal import Change, ChangeKind, JournalWriter
from tools.bench.soak.shop import FILL_BATCH_SIZE, Shop

MIX = {
    ChangeKind.ADDED: 0.4,
    ChangeKind.REPLACED: 0.25,
    ChangeKind.REMOVED: 0.15,
    ChangeKind.HIDDEN: 0.12,
    ChangeKind.SHOWN: 0.08,
}

MIN_VISIBLE = 20
"""Number of products below which the writer only adds, so that searches find something."""


class Writer:
    """Changes one product at a time, and records it; contents are used in order, each once."""

    def __init__(self, shop: Shop, journal: JournalWriter, contents: int, seed: int = 3) -> None:
        self._shop = shop
        self._journal = journal
        self._contents = contents
        self._next = 0
        self._visible: list[Change] = []
        self._hidden: list[Change] = []
        self._random = random.Random(seed)  # noqa: S311  # a sample, not a secret
        self._steps: dict[ChangeKind, Callable[[], Change]] = {
            ChangeKind.ADDED: self._add,
            ChangeKind.REPLACED: self._replace,
            ChangeKind.REMOVED: self._remove,
            ChangeKind.HIDDEN: self._hide,
            ChangeKind.SHOWN: self._show,
        }

    def fill(self, products: int) -> None:
        """Fill the shop before the load begins."""
        for start in range(0, products, FILL_BATCH_SIZE):
            contents = range(start, min(start + FILL_BATCH_SIZE, products))
            for change in self._shop.add(contents):
                self._visible.append(change)
                self._journal.write(change)
        self._next = products

    def write(self, per_second: float, stopping: Callable[[], bool]) -> None:
        """Change products `per_second` times a second, until stopped or out of contents."""
        due = time.monotonic()
        while not stopping() and self._next < self._contents:
            self._journal.write(self._steps[self._choose_kind()]())
            due = max(due + 1 / per_second, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
        while not stopping():
            self.write_heartbeat()
            time.sleep(0.1)

    def write_heartbeat(self) -> None:
        """Tell readers that the journal is complete up to now."""
        now = time.monotonic()
        self._journal.write(Change(now, now, ChangeKind.HEARTBEAT))

    def _choose_kind(self) -> ChangeKind:
        if len(self._visible) <= MIN_VISIBLE:
            return ChangeKind.ADDED
        kinds = [kind for kind in MIX if self._hidden or kind is not ChangeKind.SHOWN]
        return self._random.choices(kinds, [MIX[kind] for kind in kinds])[0]

    def _add(self) -> Change:
        self._next += 1
        [change] = self._shop.add([self._next - 1])
        self._visible.append(change)
        return change

    def _replace(self) -> Change:
        previous = self._take_random(self._visible)
        self._next += 1
        change = self._shop.replace(previous.product_id, self._next - 1, previous.brand)
        self._visible.append(change)
        return change

    def _remove(self) -> Change:
        return self._shop.remove(self._take_random(self._visible).product_id)

    def _hide(self) -> Change:
        previous = self._take_random(self._visible)
        self._hidden.append(previous)
        return self._shop.hide(previous.product_id)

    def _show(self) -> Change:
        previous = self._take_random(self._hidden)
        change = self._shop.show(
            previous.product_id, previous.content, previous.brand, previous.views or {}
        )
        self._visible.append(replace(previous, begun=change.begun, committed=change.committed))
        return change

    def _take_random(self, products: list[Change]) -> Change:
        at = self._random.randrange(len(products))
        products[at], products[-1] = products[-1], products[at]
        return products.pop()
