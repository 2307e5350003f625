"""Streamed reading of catalogue files.

Memory holds one row however long the file is (of XLSX its table of texts too, which is bounded).
"""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db.models.fields.files import FieldFile

from search.errors import InputError
from webapp.importing.csv_rows import read_csv
from webapp.importing.jsonl_rows import read_jsonl
from webapp.importing.raw_rows import RawRow, ReadLimits, RowError
from webapp.importing.xlsx_rows import read_xlsx

__all__ = ["FileKind", "RawRow", "ReadLimits", "RowError", "RowFile", "count_rows", "open_rows"]

FileKind = Literal["csv", "xlsx", "jsonl"]
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_SAVE_AS = "Save it as CSV, XLSX or JSON Lines."


@dataclass(frozen=True, slots=True)
class RowFile:
    """An open catalogue file.

    `columns` are those of the header, empty for JSON Lines; `rows` can be read once.
    """

    kind: FileKind
    columns: tuple[str, ...]
    rows: Iterator[RawRow | RowError]


@contextmanager
def local_path(stored: FieldFile) -> Iterator[Path]:
    """Give the path of a stored file, for readers that need to seek.

    An object store offers no path: its file is copied, and the copy is removed afterwards.
    """
    if isinstance(stored.storage, FileSystemStorage):
        yield Path(stored.path)
        return
    with tempfile.NamedTemporaryFile(
        dir=settings.FILE_UPLOAD_TEMP_DIR, suffix=Path(str(stored.name)).suffix
    ) as copy:
        with stored.open("rb") as content:
            shutil.copyfileobj(content, copy, 1 << 20)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def open_rows(source: Path | BinaryIO, limits: ReadLimits | None = None) -> Iterator[RowFile]:
    """Open a catalogue file; its content tells the format.

    CSV may use comma, semicolon or tab, and UTF-8 or UTF-16; of XLSX the first sheet is read. A
    stream must be able to seek; it is read from its start and left open. A row that cannot be
    read is given as a RowError, and reading goes on. Raises InputError for the file as a whole
    (empty, another format, unknown or repeated columns, no SKU), and while reading `rows` where
    the file breaks midway.
    """
    limits = limits or ReadLimits()
    if isinstance(source, Path):
        with source.open("rb") as stream, _opened(stream, limits) as file:
            yield file
    else:
        source.seek(0)
        with _opened(source, limits) as file:
            yield file


def count_rows(source: Path | BinaryIO, limits: ReadLimits | None = None) -> int:
    """Return the number of rows, reading the whole file. A stream is left at its start."""
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
        raise InputError("the old Excel format (.xls) is not supported", fix=_SAVE_AS)
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text:
        raise InputError("the file is empty", fix=_SAVE_AS)
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
        raise InputError("the file is neither text nor a spreadsheet", fix=_SAVE_AS)
    return "csv"
