"""Rows as they stand in a catalogue file, and the limits of such a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEBIBYTE = 1024 * 1024

RawValue = Any
"""A cell: text, number, boolean or None; in JSON Lines also a list or an object."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits of a file, generous for real catalogues. Lengths are in characters.

    `sheet_bytes` bounds an unpacked XLSX sheet, `part_bytes` any other part.
    """

    line: int = MEBIBYTE
    cell: int = 100_000
    columns: int = 300
    sheet_bytes: int = 1024 * MEBIBYTE
    part_bytes: int = 128 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why one field is refused, and its value. `field` is empty for the row as a whole."""

    field: str
    value: object
    reason: str

    def __str__(self) -> str:
        name = f"{self.field}: " if self.field else ""
        value = "" if self.value is None else f": got {_shorten(self.value)}"
        return name + self.reason + value


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row. `number` counts as a spreadsheet does: a header is row 1."""

    number: int
    fields: Mapping[str, RawValue]


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that could not be read.

    `fields` holds the fields that could be read; `text` the line if none could.
    """

    number: int
    problems: tuple[FieldProblem, ...]
    fields: Mapping[str, RawValue] = field(default_factory=dict)
    text: str = ""


def _shorten(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
