"""XLSX → rows of the first sheet.

An XLSX file is a zip of XML, and both can unpack to any size. Before openpyxl reads the file, the
size of each part is checked, and large parts are read once to check that they consist of small
elements: then the streaming reader of openpyxl needs little memory.
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

_MAX_ROWS = 1_048_576  # of the format
_MAX_PARTS = 2_000
_MAX_UNCHECKED = 8 * MEBIBYTE
"""Size of a part up to which its elements are not checked."""
_MAX_ELEMENT = 4 * MEBIBYTE
_CHUNK_SIZE = 64 * 1024
_SHEET_FOLDER = "xl/worksheets/"
_ROW_ENDS = re.compile(rb"</(?:\w+:)?row>|<(?:\w+:)?row\b[^<>]*/>")
_TEXT_ENDS = re.compile(rb"</(?:\w+:)?si>")
_READ_ERRORS = (
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
)
"""Errors of openpyxl and zipfile on a damaged file."""


@contextmanager
def read_xlsx(
    stream: BinaryIO, limits: ReadLimits
) -> Iterator[tuple[tuple[str, ...], Iterator[RawRow | RowError]]]:
    """Give the columns and the rows of the first sheet.

    Raises InputError for an unusable file or header.
    """
    with _convert_errors():
        _check_parts(stream, limits)
        stream.seek(0)
        workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    try:
        with _convert_errors():
            sheet = workbook.worksheets[0]
            # The size stated in the file may be wrong by millions of cells.
            sheet.reset_dimensions()
            cells = sheet.iter_rows(max_row=_MAX_ROWS, values_only=True)
            columns = _read_header(next(cells, ()), limits)
        yield columns, _read_rows(cells, columns)
    finally:
        workbook.close()


@contextmanager
def _convert_errors() -> Iterator[None]:
    try:
        yield
    except _READ_ERRORS as error:
        raise InputError(
            "the spreadsheet cannot be read", value=str(error), fix="Save it again as XLSX or CSV."
        ) from error


def _check_parts(stream: BinaryIO, limits: ReadLimits) -> None:
    with zipfile.ZipFile(stream) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS:
            raise InputError(
                f"the spreadsheet is over the limit of {_MAX_PARTS} parts", value=len(parts)
            )
        for part in parts:
            is_sheet = part.filename.startswith(_SHEET_FOLDER)
            # All but the sheets is held in memory, above all the table of texts.
            max_bytes = limits.sheet_bytes if is_sheet else limits.part_bytes
            if part.file_size > max_bytes:
                raise _too_large(part.filename, max_bytes)
            if part.file_size > _MAX_UNCHECKED:
                with archive.open(part) as content:
                    _check_elements(content, part.filename, _ROW_ENDS if is_sheet else _TEXT_ENDS)


def _check_elements(content: IO[bytes], name: str, pattern: re.Pattern[bytes]) -> None:
    """Check that each row or text ends within 4 MiB of the previous one.

    Markup that could hide or fake such an end is refused.
    """
    carried, since_end = b"", 0
    while chunk := content.read(_CHUNK_SIZE):
        window = carried + chunk
        if b"<!" in window or b"<?" in window[5:]:
            raise InputError(
                "the spreadsheet has markup that tables do not use",
                value=name,
                fix="Save it as CSV.",
            )
        ends = list(pattern.finditer(window))
        since_end = len(window) - ends[-1].end() if ends else since_end + len(chunk)
        if since_end > _MAX_ELEMENT:
            raise _too_large(name, _MAX_ELEMENT)
        carried = window[-64:] if not ends else window[max(ends[-1].end(), len(window) - 64) :]


def _too_large(name: str, max_bytes: int) -> InputError:
    return InputError(
        f"a part of the spreadsheet is over the limit of {max_bytes} bytes",
        value=name,
        fix="Save the table as CSV.",
    )


def _read_header(cells: Iterable[Any], limits: ReadLimits) -> tuple[str, ...]:
    names = ["" if cell is None else str(cell) for cell in cells]
    while names and not names[-1].strip():
        names.pop()
    if len(names) > limits.columns:
        raise InputError(
            f"the file is over the limit of {limits.columns} columns", value=len(names)
        )
    return read_columns(names)


def _read_rows(
    rows: Iterator[tuple[Any, ...]], columns: tuple[str, ...]
) -> Iterator[RawRow | RowError]:
    number = 1
    while True:
        number += 1
        try:
            cells = next(rows, None)
        except _READ_ERRORS as error:
            raise InputError(
                f"the spreadsheet is broken from row {number} on", value=str(error)
            ) from error
        if cells is None:
            return
        if any(cell is not None for cell in cells):
            yield _make_row(number, columns, cells)


def _make_row(number: int, columns: tuple[str, ...], cells: tuple[Any, ...]) -> RawRow | RowError:
    padded = (*cells, *[None] * (len(columns) - len(cells)))
    named = [(name, _to_value(cell)) for name, cell in zip(columns, padded, strict=False)]
    fields = {name: value for name, value in named if name and name not in ERROR_COLUMNS}
    problems = [
        FieldProblem(name, value, "is a formula error")
        for name, value in fields.items()
        if isinstance(value, str) and value in ERROR_CODES
    ]
    stray = [value for name, value in named if not name and value is not None]
    stray += [_to_value(cell) for cell in cells[len(columns) :] if cell is not None]
    if stray:
        problems.append(FieldProblem("", stray[0], "there is a value in a column without a name"))
    return RowError(number, tuple(problems), fields) if problems else RawRow(number, fields)


def _to_value(cell: Any) -> Any:
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell
