"""The writer: inserts, updates, deletions, hiding and showing, at a steady rate, each one
written to the journal.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from tools.bench.soak.journal import Change, JournalWriter, Kind
from tools.bench.soak.shop import AT_ONCE, Shop

MIX = {
    Kind.ADDED: 0.4,
    Kind.REPLACED: 0.25,
    Kind.REMOVED: 0.15,
    Kind.HIDDEN: 0.12,
    Kind.SHOWN: 0.08,
}

LEAST_VISIBLE = 20
"""Products that are left alone, so that there is always something to find."""


class Writer:
    """Changes one product at a time; contents are used in ascending order and each once."""

    def __init__(self, shop: Shop, journal: JournalWriter, contents: int, seed: int = 3) -> None:
        self._shop = shop
        self._journal = journal
        self._contents = contents
        self._next = 0
        self._visible: list[Change] = []
        self._hidden: list[Change] = []
        self._random = random.Random(seed)  # noqa: S311  # which product is changed is no secret
        self._steps: dict[Kind, Callable[[], Change]] = {
            Kind.ADDED: self._add,
            Kind.REPLACED: self._replace,
            Kind.REMOVED: self._remove,
            Kind.HIDDEN: self._hide,
            Kind.SHOWN: self._show,
        }

    def fill(self, products: int) -> None:
        """The shop as it stands before the load begins."""
        for start in range(0, products, AT_ONCE):
            contents = range(start, min(start + AT_ONCE, products))
            for change in self._shop.add(contents):
                self._visible.append(change)
                self._journal.write(change)
        self._next = products

    def write(self, per_second: float, stopping: Callable[[], bool]) -> None:
        """Change something `per_second` times a second until told to stop or out of contents."""
        due = time.monotonic()
        while not stopping() and self._next < self._contents:
            self._journal.write(self._steps[self._chosen()]())
            due = max(due + 1 / per_second, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
        while not stopping():
            self.tick()
            time.sleep(0.1)

    def tick(self) -> None:
        """Say that everything up to now is written."""
        now = time.monotonic()
        self._journal.write(Change(now, now, Kind.NOTHING))

    def _chosen(self) -> Kind:
        if len(self._visible) <= LEAST_VISIBLE:
            return Kind.ADDED
        kinds = [kind for kind in MIX if self._hidden or kind is not Kind.SHOWN]
        return self._random.choices(kinds, [MIX[kind] for kind in kinds])[0]

    def _add(self) -> Change:
        self._next += 1
        [change] = self._shop.add([self._next - 1])
        self._visible.append(change)
        return change

    def _replace(self) -> Change:
        former = self._taken(self._visible)
        self._next += 1
        change = self._shop.replace(former.product_id, self._next - 1, former.brand)
        self._visible.append(change)
        return change

    def _remove(self) -> Change:
        return self._shop.remove(self._taken(self._visible).product_id)

    def _hide(self) -> Change:
        former = self._taken(self._visible)
        self._hidden.append(former)
        return self._shop.hide(former.product_id)

    def _show(self) -> Change:
        former = self._taken(self._hidden)
        change = self._shop.show(
            former.product_id, former.content, former.brand, former.views or {}
        )
        self._visible.append(replace(former, begun=change.begun, committed=change.committed))
        return change

    def _taken(self, products: list[Change]) -> Change:
        at = self._random.randrange(len(products))
        products[at], products[-1] = products[-1], products[at]
        return products.pop()
