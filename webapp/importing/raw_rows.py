"""What reading a row gives: its fields, or why it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RawValue = Any
"""A cell: text, a number, a truth value, None, and in JSON Lines also a list or an object."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why one field is refused: the value given and the limit it breaks. `field` is empty for
    the row as a whole.
    """

    field: str
    value: object
    reason: str
    limit: str = ""

    def __str__(self) -> str:
        shown = "" if self.value is None else f": got {_shortened(self.value)}"
        limit = f" ({self.limit})" if self.limit else ""
        return (f"{self.field}: " if self.field else "") + self.reason + limit + shown


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the file. `number` counts as a spreadsheet does: a header is row
    1.
    """

    number: int
    fields: Mapping[str, RawValue]


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that could not be read. `fields` holds what could be, `text` the line where nothing
    could.
    """

    number: int
    problems: tuple[FieldProblem, ...]
    fields: Mapping[str, RawValue] = field(default_factory=dict)
    text: str = ""


def _shortened(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
