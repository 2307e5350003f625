"""Failed rows as a file that can be mended and uploaded again.

The columns are the uploaded ones and, behind them, `error_field`, `error_reason` and
`error_text` (a line that could not be read at all), which an upload ignores. A text that a
spreadsheet would run as a formula (it begins with = + - @ tab or return, and is no number) gets
an apostrophe before it, and so does a text that begins with apostrophes before such a sign;
reading a CSV takes exactly one away. Hence every value survives the round trip, and none is run
when the file is opened (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from webapp.importing.columns import ERROR_COLUMNS
from webapp.importing.raw_rows import FieldProblem, RawValue

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_JOINED = {"category": " > "}


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that failed: what stood in it (or its text, where it could not be read) and why."""

    fields: Mapping[str, RawValue]
    problems: Sequence[FieldProblem]
    text: str = ""


def write_failed_rows(
    rows: Iterable[FailedRow], kind: Literal["csv", "jsonl"], columns: Sequence[str] = ()
) -> Iterator[str]:
    """Pieces of text, a row each. `columns` are those of the uploaded table; CSV needs them,
    JSON Lines does not.
    """
    return _csv(rows, columns) if kind == "csv" else _jsonl(rows)


def _csv(rows: Iterable[FailedRow], columns: Sequence[str]) -> Iterator[str]:
    named = [name for name in columns if name and name not in ERROR_COLUMNS]
    # The byte-order mark tells Excel that the file is UTF-8.
    yield "\ufeff" + _line([*named, *ERROR_COLUMNS])
    for row in rows:
        cells = [_cell(name, row.fields.get(name)) for name in named]
        yield _line([_guarded(cell) for cell in (*cells, *_errors(row))])


def _jsonl(rows: Iterable[FailedRow]) -> Iterator[str]:
    for row in rows:
        errors = dict(zip(ERROR_COLUMNS, _errors(row), strict=True))
        yield json.dumps({**row.fields, **errors}, ensure_ascii=False) + "\n"


def _errors(row: FailedRow) -> tuple[str, str, str]:
    fields = dict.fromkeys(problem.field for problem in row.problems if problem.field)
    return ", ".join(fields), "; ".join(map(str, row.problems)), row.text


def _cell(name: str, value: RawValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return _JOINED.get(name.partition("_")[0], "|").join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _guarded(cell: str) -> str:
    return "'" + cell if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
