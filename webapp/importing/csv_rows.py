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
_UNDECODABLE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
"""A cell that an apostrophe protects from being run as a formula; see failed_rows.py."""


class _LineTooLong(Exception):
    """A line beyond the limit, already skipped."""


@contextmanager
def read_csv(
    stream: BinaryIO, limits: ReadLimits
) -> Iterator[tuple[tuple[str, ...], Iterator[RawRow | RowError]]]:
    """Give the columns and the rows. Raises InputError for an unusable header."""
    csv.field_size_limit(limits.cell)
    text = _decode(stream)
    try:
        delimiter = _detect_delimiter(text, limits)
        reader = csv.reader(_Lines(text, limits.line), delimiter=delimiter, strict=True)
        columns = _read_header(reader, limits)
        yield columns, _read_rows(reader, columns, limits)
    finally:
        text.detach()


def _decode(stream: BinaryIO) -> io.TextIOWrapper:
    """Return text in which lone surrogates mark undecodable bytes: only their row is refused."""
    head = stream.read(4)
    stream.seek(0)
    encoding = next((name for bom, name in _BOMS.items() if head.startswith(bom)), "utf-8")
    errors = "surrogatepass" if encoding == "utf-16" else "surrogateescape"
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")


def _detect_delimiter(text: io.TextIOWrapper, limits: ReadLimits) -> str:
    """Return the delimiter that gives the header the most known columns."""
    line = text.readline(limits.line)
    text.seek(0)

    def count_known(delimiter: str) -> int:
        names = [name.strip(' "\r\n').lower() for name in line.split(delimiter)]
        return sum(map(_is_known, names))

    return max(_DELIMITERS, key=count_known)


def _is_known(name: str) -> bool:
    return (
        name in COLUMNS
        or name in ERROR_COLUMNS
        or name.startswith((ATTRIBUTE_PREFIX, "attributes."))
        or translation_column(name) is not None
    )


class _Lines:
    """Iterates over lines of bounded length. Unlike a generator, it continues after an error."""

    def __init__(self, text: TextIO, max_length: int) -> None:
        self._text = text
        self._max_length = max_length

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._max_length + 1)
        if not line:
            raise StopIteration
        if len(line) <= self._max_length:
            return line
        while line and not line.endswith("\n"):
            line = self._text.readline(self._max_length)
        raise _LineTooLong


def _read_header(reader: Iterator[list[str]], limits: ReadLimits) -> tuple[str, ...]:
    try:
        cells = next(reader)
    except (StopIteration, _LineTooLong, csv.Error, UnicodeError) as error:
        raise InputError(
            "the header row cannot be read", value=str(error) or type(error).__name__
        ) from error
    if any(_UNDECODABLE.search(cell) for cell in cells):
        raise InputError(
            "the header row is not UTF-8", fix="Save the file as UTF-8 and upload it again."
        )
    if len(cells) > limits.columns:
        raise InputError(
            f"the file is over the limit of {limits.columns} columns", value=len(cells)
        )
    return read_columns(cells)


def _read_rows(
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
            yield _refuse(number, f"the line is over the limit of {limits.line} characters")
        except csv.Error as error:
            yield _refuse(number, f"the row cannot be read ({error}); a quote may not be closed")
        except UnicodeDecodeError as error:
            raise InputError(
                f"the file cannot be decoded from row {number} on", value=error.reason
            ) from error
        else:
            if any(cells):
                yield _make_row(number, columns, cells)


def _refuse(number: int, reason: str) -> RowError:
    return RowError(number, (FieldProblem("", None, reason),))


def _make_row(number: int, columns: tuple[str, ...], cells: list[str]) -> RawRow | RowError:
    fields = {
        name: _unescape(cell)
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
        if _UNDECODABLE.search(cell)
    ]
    unnamed = [
        cell for name, cell in zip(columns, cells, strict=False) if not name and cell.strip()
    ]
    if unnamed:
        problems.append(FieldProblem("", unnamed[0], "there is a value in a column without a name"))
    if len(cells) != len(columns) and any(cells[len(columns) :] or [len(cells) < len(columns)]):
        problems.append(
            FieldProblem(
                "", len(cells), f"the number of cells differs (the header has {len(columns)})"
            )
        )
    if problems:
        clean = {name: _UNDECODABLE.sub("\ufffd", cell) for name, cell in fields.items()}
        return RowError(number, tuple(problems), clean)
    return RawRow(number, fields)


def _unescape(cell: str) -> str:
    return cell[1:] if _ESCAPED.match(cell) else cell
