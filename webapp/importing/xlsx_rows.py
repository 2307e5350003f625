"""XLSX → rows, first sheet.

An XLSX file is a zip of XML, and both can be made to unpack without end. Before openpyxl sees
the file, every part is bounded in size, and large parts are read through once to see that they
fall into small elements, so that its streaming reader stays small.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import IO, Any, BinaryIO
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.cell.cell import ERROR_CODES

from search.errors import InputError
from webapp.importing.columns import ERROR_COLUMNS, read_columns
from webapp.importing.raw_rows import MEBIBYTE, FieldProblem, RawRow, ReadLimits, RowError

_MAX_ROWS = 1_048_576  # what the format allows
_MAX_PARTS = 2_000
_SMALL_PART = 8 * MEBIBYTE
_ELEMENT = 4 * MEBIBYTE
_CHUNK = 64 * 1024
_SHEETS = "xl/worksheets/"
_ROW_ENDS = re.compile(rb"</(?:\w+:)?row>|<(?:\w+:)?row\b[^<>]*/>")
_TEXT_ENDS = re.compile(rb"</(?:\w+:)?si>")
_BROKEN = (ParseError, KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, EOFError, zlib.error,
           zipfile.BadZipFile, NotImplementedError, RuntimeError)  # fmt: skip


@contextmanager
def read_xlsx(
    stream: BinaryIO, limits: ReadLimits
) -> Iterator[tuple[tuple[str, ...], Iterator[RawRow | RowError]]]:
    """The columns and the rows of the first sheet. Raises InputError for a file or header that
    cannot be used.
    """
    with _readable():
        _guard(stream, limits)
        stream.seek(0)
        workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    try:
        with _readable():
            sheet = workbook.worksheets[0]
            # The size that the file states may be wrong by millions of cells.
            sheet.reset_dimensions()
            cells = sheet.iter_rows(max_row=_MAX_ROWS, values_only=True)
            columns = _header(next(cells, ()), limits)
        yield columns, _rows(cells, columns)
    finally:
        workbook.close()


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise InputError(
            "the spreadsheet cannot be read", value=str(error), fix="Save it again as XLSX or CSV."
        ) from error


def _guard(stream: BinaryIO, limits: ReadLimits) -> None:
    with zipfile.ZipFile(stream) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS:
            raise InputError(
                f"the spreadsheet is over the limit of {_MAX_PARTS} parts", value=len(parts)
            )
        for part in parts:
            is_sheet = part.filename.startswith(_SHEETS)
            # Everything but the sheets is held in memory, above all the table of texts.
            bound = limits.sheet_bytes if is_sheet else limits.part_bytes
            if part.file_size > bound:
                raise _too_large(part.filename, bound)
            if part.file_size > _SMALL_PART:
                with archive.open(part) as content:
                    _check_elements(content, part.filename, _ROW_ENDS if is_sheet else _TEXT_ENDS)


def _check_elements(content: IO[bytes], name: str, pattern: re.Pattern[bytes]) -> None:
    """Every row or text must end within 4 MiB of the one before.

    What could hide an end from XML or fake one is refused.
    """
    carried, since_end = b"", 0
    while chunk := content.read(_CHUNK):
        window = carried + chunk
        if b"<!" in window or b"<?" in window[5:]:
            raise InputError(
                "the spreadsheet has markup that tables do not need",
                value=name,
                fix="Save it as CSV.",
            )
        ends = list(pattern.finditer(window))
        since_end = len(window) - ends[-1].end() if ends else since_end + len(chunk)
        if since_end > _ELEMENT:
            raise _too_large(name, _ELEMENT)
        carried = window[-64:] if not ends else window[max(ends[-1].end(), len(window) - 64) :]


def _too_large(name: str, bound: int) -> InputError:
    return InputError(
        f"a part of the spreadsheet is over the limit of {bound} bytes",
        value=name,
        fix="Save the table as CSV.",
    )


def _header(cells: Iterable[Any], limits: ReadLimits) -> tuple[str, ...]:
    names = ["" if cell is None else str(cell) for cell in cells]
    while names and not names[-1].strip():
        names.pop()
    if len(names) > limits.columns:
        raise InputError(
            f"the file is over the limit of {limits.columns} columns", value=len(names)
        )
    return read_columns(names)


def _rows(rows: Iterator[tuple[Any, ...]], columns: tuple[str, ...]) -> Iterator[RawRow | RowError]:
    number = 1
    while True:
        number += 1
        try:
            cells = next(rows, None)
        except _BROKEN as error:
            raise InputError(
                f"the spreadsheet is broken from row {number} on", value=str(error)
            ) from error
        if cells is None:
            return
        if any(cell is not None for cell in cells):
            yield _row(number, columns, cells)


def _row(number: int, columns: tuple[str, ...], cells: tuple[Any, ...]) -> RawRow | RowError:
    padded = (*cells, *[None] * (len(columns) - len(cells)))
    named = [(name, _value(cell)) for name, cell in zip(columns, padded, strict=False)]
    fields = {name: value for name, value in named if name and name not in ERROR_COLUMNS}
    problems = [
        FieldProblem(name, value, "is the error of a formula")
        for name, value in fields.items()
        if isinstance(value, str) and value in ERROR_CODES
    ]
    stray = [value for name, value in named if not name and value is not None]
    stray += [_value(cell) for cell in cells[len(columns) :] if cell is not None]
    if stray:
        problems.append(FieldProblem("", stray[0], "a value stands under a column without a name"))
    return RowError(number, tuple(problems), fields) if problems else RawRow(number, fields)


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell
