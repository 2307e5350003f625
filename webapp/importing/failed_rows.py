"""Failed rows as a file that can be fixed and uploaded again.

The columns are the uploaded ones, followed by `error_field`, `error_reason` and `error_text` (a
line that could not be read at all), which an upload ignores. Spreadsheets run a text as a formula
if it begins with = + - @, tab or return and is not a number. Such a text gets an apostrophe before
it, and so does a text that begins with apostrophes before such a sign; the CSV reader removes
exactly one. Every value therefore survives the round trip, and none runs when the file is opened
(OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Literal

from webapp.catalog.models import Outcome, Upload, UploadRow
from webapp.importing.columns import ERROR_COLUMNS
from webapp.importing.raw_rows import FieldProblem, RawValue
from webapp.importing.readers import local_path, open_rows

CHUNK_SIZE = 500

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_SEPARATORS = {"category": " > "}


@dataclass(frozen=True, slots=True)
class FailedRow:
    """The fields of a failed row (or its text, if it could not be read) and its problems."""

    fields: Mapping[str, RawValue]
    problems: Sequence[FieldProblem]
    text: str = ""


def write_failed_rows(*, upload: Upload, out: IO[bytes]) -> str:
    """Write the failed rows to `out` and return a file name.

    JSON Lines stays JSON Lines; tables become CSV. Raises InputError when the upload's file
    cannot be opened as a catalogue.
    """
    with local_path(upload.file) as path, open_rows(path) as opened:
        columns = opened.columns
        kind: Literal["csv", "jsonl"] = "jsonl" if opened.kind == "jsonl" else "csv"
    for text in format_failed_rows(_load_failed_rows(upload), kind, columns):
        out.write(text.encode())
    return f"{PurePath(upload.filename).stem}-failed.{kind}"


def format_failed_rows(
    rows: Iterable[FailedRow], kind: Literal["csv", "jsonl"], columns: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the text of the file, one row at a time.

    `columns` are those of the uploaded table; CSV needs them, JSON Lines does not.
    """
    return _format_csv(rows, columns) if kind == "csv" else _format_jsonl(rows)


def _load_failed_rows(upload: Upload) -> Iterator[FailedRow]:
    failed = UploadRow.objects.filter(upload=upload, outcome=Outcome.ERROR).order_by("number")
    for row in failed.iterator(CHUNK_SIZE):
        problems = [
            FieldProblem(message["field"], None, message["reason"]) for message in row.messages
        ]
        raw = row.raw or {}
        yield FailedRow(raw.get("fields", {}), problems, raw.get("text", ""))


def _format_csv(rows: Iterable[FailedRow], columns: Sequence[str]) -> Iterator[str]:
    names = [name for name in columns if name and name not in ERROR_COLUMNS]
    # Excel recognises UTF-8 by the byte-order mark.
    yield "\ufeff" + _csv_line([*names, *ERROR_COLUMNS])
    for row in rows:
        cells = [_cell_text(name, row.fields.get(name)) for name in names]
        yield _csv_line([_escape_formula(cell) for cell in (*cells, *_error_cells(row))])


def _format_jsonl(rows: Iterable[FailedRow]) -> Iterator[str]:
    for row in rows:
        errors = dict(zip(ERROR_COLUMNS, _error_cells(row), strict=True))
        yield json.dumps({**row.fields, **errors}, ensure_ascii=False) + "\n"


def _error_cells(row: FailedRow) -> tuple[str, str, str]:
    fields = dict.fromkeys(problem.field for problem in row.problems if problem.field)
    return ", ".join(fields), "; ".join(map(str, row.problems)), row.text


def _cell_text(name: str, value: RawValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return _SEPARATORS.get(name.partition("_")[0], "|").join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _escape_formula(cell: str) -> str:
    return "'" + cell if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _csv_line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
