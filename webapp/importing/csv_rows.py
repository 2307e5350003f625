"""CSV → rows."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from search.errors import InputError
from webapp.importing.columns import (
    ATTRIBUTE_PREFIX,
    COLUMNS,
    ERROR_COLUMNS,
    read_columns,
    translation_column,
)
from webapp.importing.raw_rows import FieldProblem, RawRow, ReadLimits, RowError

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DELIMITERS = ",;\t"
_UNDECODED = re.compile("[\ud800-\udfff]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
"""A cell that a spreadsheet would take for a formula, kept as text by an apostrophe; see
failed_rows.py."""


class _LineTooLong(Exception):
    """A line beyond the limit, already skipped."""


@contextmanager
def read_csv(
    stream: BinaryIO, limits: ReadLimits
) -> Iterator[tuple[tuple[str, ...], Iterator[RawRow | RowError]]]:
    """The columns and the rows. Raises InputError for a header that cannot be used."""
    csv.field_size_limit(limits.cell)
    text = _decoded(stream)
    try:
        delimiter = _delimiter(text, limits)
        reader = csv.reader(_Lines(text, limits.line), delimiter=delimiter, strict=True)
        columns = _header(reader, limits)
        yield columns, _rows(reader, columns, limits)
    finally:
        text.detach()


def _decoded(stream: BinaryIO) -> io.TextIOWrapper:
    """Text whose undecodable bytes are marked by lone surrogates, so that only the row that has
    them is refused.
    """
    head = stream.read(4)
    stream.seek(0)
    encoding = next((name for bom, name in _BOMS.items() if head.startswith(bom)), "utf-8")
    errors = "surrogatepass" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


def _delimiter(text: io.TextIOWrapper, limits: ReadLimits) -> str:
    """The delimiter under which the first line has the most columns that we know."""
    line = text.readline(limits.line)
    text.seek(0)

    def known(delimiter: str) -> int:
        names = [name.strip(' "\r\n').lower() for name in line.split(delimiter)]
        return sum(map(_is_known, names))

    return max(_DELIMITERS, key=known)


def _is_known(name: str) -> bool:
    return (
        name in COLUMNS
        or name in ERROR_COLUMNS
        or name.startswith((ATTRIBUTE_PREFIX, "attributes."))
        or translation_column(name) is not None
    )


class _Lines:
    """The lines of `text`, each bounded. An iterator of its own, so that it goes on after an
    error.
    """

    def __init__(self, text: TextIO, longest: int) -> None:
        self._text = text
        self._longest = longest

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._longest + 1)
        if not line:
            raise StopIteration
        if len(line) <= self._longest:
            return line
        while line and not line.endswith("\n"):
            line = self._text.readline(self._longest)
        raise _LineTooLong


def _header(reader: Iterator[list[str]], limits: ReadLimits) -> tuple[str, ...]:
    try:
        cells = next(reader)
    except (StopIteration, _LineTooLong, csv.Error, UnicodeError) as error:
        raise InputError(
            "the header row cannot be read", value=str(error) or type(error).__name__
        ) from error
    if any(_UNDECODED.search(cell) for cell in cells):
        raise InputError(
            "the header row is not UTF-8", fix="Save the file as UTF-8 and upload it again."
        )
    if len(cells) > limits.columns:
        raise InputError(
            f"the file is over the limit of {limits.columns} columns", value=len(cells)
        )
    return read_columns(cells)


def _rows(
    reader: Iterator[list[str]], columns: tuple[str, ...], limits: ReadLimits
) -> Iterator[RawRow | RowError]:
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _LineTooLong:
            yield _refused(number, f"the line is over the limit of {limits.line} characters")
        except csv.Error as error:
            yield _refused(
                number, f"the row cannot be read ({error}); perhaps a quote is not closed"
            )
        except UnicodeDecodeError as error:
            raise InputError(
                f"the file cannot be decoded from row {number} on", value=error.reason
            ) from error
        else:
            if any(cells):
                yield _row(number, columns, cells)


def _refused(number: int, reason: str) -> RowError:
    return RowError(number, (FieldProblem("", None, reason),))


def _row(number: int, columns: tuple[str, ...], cells: list[str]) -> RawRow | RowError:
    fields = {
        name: _unguarded(cell)
        for name, cell in zip(columns, cells, strict=False)
        if name and name not in ERROR_COLUMNS
    }
    problems = [
        FieldProblem(
            name,
            cell.encode("utf-8", "backslashreplace").decode(),
            "is not UTF-8 (save the file as UTF-8)",
        )
        for name, cell in fields.items()
        if _UNDECODED.search(cell)
    ]
    unnamed = [
        cell for name, cell in zip(columns, cells, strict=False) if not name and cell.strip()
    ]
    if unnamed:
        problems.append(
            FieldProblem("", unnamed[0], "a value stands under a column without a name")
        )
    if len(cells) != len(columns) and any(cells[len(columns) :] or [len(cells) < len(columns)]):
        problems.append(
            FieldProblem(
                "", len(cells), f"the number of cells differs (the header has {len(columns)})"
            )
        )
    if problems:
        clean = {name: _UNDECODED.sub("\ufffd", cell) for name, cell in fields.items()}
        return RowError(number, tuple(problems), clean)
    return RawRow(number, fields)


def _unguarded(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell
