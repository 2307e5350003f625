"""What was changed and when, written by the writer and followed by whoever judges."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from search.types import Modality

Views = Mapping[Modality, list[int]]
"""View ids of a product by modality, in the order of its content's rows."""


class Kind(enum.StrEnum):
    """ADDED and REPLACED bring views, REMOVED (deleted) and HIDDEN take them away, SHOWN brings
    them back. NOTHING only says that everything before it is written.
    """

    ADDED = "added"
    REPLACED = "replaced"
    REMOVED = "removed"
    HIDDEN = "hidden"
    SHOWN = "shown"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction: begun and committed at these readings of the machine's monotonic clock,
    in seconds.
    """

    begun: float
    committed: float
    kind: Kind
    product_id: int = 0
    content: int = 0
    brand: str = ""
    views: Views | None = None

    @property
    def brings_views(self) -> bool:
        return self.kind in (Kind.ADDED, Kind.REPLACED, Kind.SHOWN)

    @property
    def takes_views(self) -> bool:
        return self.kind in (Kind.REPLACED, Kind.REMOVED, Kind.HIDDEN)


class JournalWriter:
    """Appends changes; each is in the file when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file: TextIOWrapper = path.open("a", encoding="ascii", buffering=1)

    def write(self, change: Change) -> None:
        row = [
            change.begun,
            change.committed,
            change.kind,
            change.product_id,
            change.content,
            change.brand,
        ]
        self._file.write(json.dumps([*row, change.views]) + "\n")

    def close(self) -> None:
        self._file.close()


class JournalReader:
    """Follows the file. `until` is the time up to which everything is known."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self.until = -float("inf")

    def read(self) -> list[Change]:
        """Changes since the last call."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        changes = [_parsed(line) for line in lines]
        if changes:
            self.until = changes[-1].committed
        return [change for change in changes if change.kind is not Kind.NOTHING]

    def close(self) -> None:
        self._file.close()


def _parsed(line: bytes) -> Change:
    begun, committed, kind, product_id, content, brand, views = json.loads(line)
    known = None if views is None else {Modality(name): ids for name, ids in views.items()}
    return Change(begun, committed, Kind(kind), product_id, content, brand, known)
