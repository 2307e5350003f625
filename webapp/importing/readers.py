"""Streamed reading of catalogue files.

Memory holds one row, however long the file (XLSX: and its table of texts, bounded).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from search.errors import InputError
from webapp.importing.csv_rows import read_csv
from webapp.importing.jsonl_rows import read_jsonl
from webapp.importing.limits import ReadLimits
from webapp.importing.raw_rows import RawRow, RowError
from webapp.importing.xlsx_rows import read_xlsx

__all__ = ["FileKind", "RawRow", "ReadLimits", "RowError", "RowFile", "count_rows", "open_rows"]

FileKind = Literal["csv", "xlsx", "jsonl"]
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_MIND = "Save it as CSV, XLSX or JSON Lines."


@dataclass(frozen=True, slots=True)
class RowFile:
    """An open catalogue file. `columns` are those of the header, empty for JSON Lines; `rows`
    can be read once.
    """

    kind: FileKind
    columns: tuple[str, ...]
    rows: Iterator[RawRow | RowError]


@contextmanager
def open_rows(source: Path | BinaryIO, limits: ReadLimits | None = None) -> Iterator[RowFile]:
    """Open a CSV (comma, semicolon or tab; UTF-8 or UTF-16), XLSX (first sheet) or JSON Lines
    file, told by its content.

    A stream must be able to seek; it is read from its start and left open. A row that cannot be
    read is given as a RowError and the rest goes on. Raises InputError for the file as a whole:
    empty, another format, unknown or double columns, no sku; and out of `rows`, after the rows
    before it, where the file breaks midway.
    """
    limits = limits or ReadLimits()
    if isinstance(source, Path):
        with source.open("rb") as stream, _opened(stream, limits) as found:
            yield found
    else:
        source.seek(0)
        with _opened(source, limits) as found:
            yield found


def count_rows(source: Path | BinaryIO, limits: ReadLimits | None = None) -> int:
    """How many rows `open_rows` would give. Reads the whole file once; a stream is left at its
    start.
    """
    with open_rows(source, limits) as file:
        total = sum(1 for _ in file.rows)
    if not isinstance(source, Path):
        source.seek(0)
    return total


@contextmanager
def _opened(stream: BinaryIO, limits: ReadLimits) -> Iterator[RowFile]:
    kind = _kind(stream.read(4096))
    stream.seek(0)
    if kind == "xlsx":
        with read_xlsx(stream, limits) as (columns, rows):
            yield RowFile(kind, columns, rows)
    elif kind == "csv":
        with read_csv(stream, limits) as (columns, rows):
            yield RowFile(kind, columns, rows)
    else:
        yield RowFile(kind, (), read_jsonl(stream, limits))


def _kind(head: bytes) -> FileKind:
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith(_OLD_EXCEL):
        raise InputError("the old Excel format (.xls) is not read", fix=_MIND)
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise InputError("the file is empty", fix=_MIND)
    if text.startswith(b"["):
        raise InputError(
            "the file is one JSON array",
            fix="Write JSON Lines: one object a line, no brackets around.",
        )
    if text.startswith(b"{"):
        return "jsonl"
    if b"\0" in head.partition(b"\n")[0] and not head.startswith(
        (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    ):
        raise InputError("the file is neither text nor a spreadsheet", fix=_MIND)
    return "csv"
