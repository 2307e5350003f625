"""The journal of changes: the writer appends to it, oracle and probe read it."""

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


class ChangeKind(enum.StrEnum):
    """Kinds of change of a product.

    ADDED and REPLACED add views, REMOVED (deleted) and HIDDEN remove them, SHOWN restores them. A
    HEARTBEAT changes nothing: it tells readers that the journal is complete up to its time.
    """

    ADDED = "added"
    REPLACED = "replaced"
    REMOVED = "removed"
    HIDDEN = "hidden"
    SHOWN = "shown"
    HEARTBEAT = "nothing"


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction; `begun` and `committed` are seconds of the machine's monotonic clock."""

    begun: float
    committed: float
    kind: ChangeKind
    product_id: int = 0
    content: int = 0
    brand: str = ""
    views: Views | None = None

    @property
    def adds_views(self) -> bool:
        return self.kind in (ChangeKind.ADDED, ChangeKind.REPLACED, ChangeKind.SHOWN)

    @property
    def removes_views(self) -> bool:
        return self.kind in (ChangeKind.REPLACED, ChangeKind.REMOVED, ChangeKind.HIDDEN)


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
    """Reads the file as it grows. All changes up to the time `until` have been read."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""
        self.until = -float("inf")

    def read(self) -> list[Change]:
        """Return the changes since the last call."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        changes = [_parse(line) for line in lines]
        if changes:
            self.until = changes[-1].committed
        return [change for change in changes if change.kind is not ChangeKind.HEARTBEAT]

    def close(self) -> None:
        self._file.close()


def _parse(line: bytes) -> Change:
    begun, committed, kind, product_id, content, brand, views = json.loads(line)
    known = None if views is None else {Modality(name): ids for name, ids in views.items()}
    return Change(begun, committed, ChangeKind(kind), product_id, content, brand, known)
