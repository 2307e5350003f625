"""JSON Lines → rows."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

from search.errors import InputError
from webapp.importing.columns import ERROR_COLUMNS, column_name
from webapp.importing.raw_rows import FieldProblem, RawRow, ReadLimits, RowError

_MAX_KEPT = 2000
"""Bytes of an unreadable line that are kept for the file of failed rows."""


def read_jsonl(stream: BinaryIO, limits: ReadLimits) -> Iterator[RawRow | RowError]:
    """Yield the object of each line; blank lines are skipped."""
    number = 0
    while line := stream.readline(limits.line + 1):
        number += 1
        if len(line) > limits.line:
            start = line
            while line and not line.endswith(b"\n"):
                line = stream.readline(limits.line)
            yield _refuse(number, start, f"the line is over the limit of {limits.line} bytes")
        elif bare := line.removeprefix(codecs.BOM_UTF8).strip():
            yield _parse_line(number, bare)


def _parse_line(number: int, line: bytes) -> RawRow | RowError:
    try:
        # Python's parser accepts Infinity and NaN, which are not JSON.
        document = json.loads(line.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        return _refuse(number, line, f"the line is not UTF-8 (byte {error.start + 1})")
    except json.JSONDecodeError as error:
        return _refuse(
            number, line, f"the line is not JSON ({error.msg} at character {error.pos + 1})"
        )
    except (ValueError, RecursionError) as error:
        return _refuse(number, line, f"the line is not JSON ({error})")
    if not isinstance(document, dict):
        return _refuse(number, line, "the line is not a JSON object")
    return _with_column_names(number, document)


def _with_column_names(number: int, document: dict[str, object]) -> RawRow | RowError:
    fields: dict[str, object] = {}
    problems = []
    for given, value in document.items():
        try:
            name = column_name(given)
        except InputError as error:
            problems.append(FieldProblem(given, None, f"{error.problem} ({error.fix})"))
            continue
        if name in fields:
            problems.append(FieldProblem(name, None, "is given twice"))
        if name not in ERROR_COLUMNS:
            fields[name] = value
    if "sku" not in fields:
        problems.append(FieldProblem("sku", None, "is missing"))
    return RowError(number, tuple(problems), document) if problems else RawRow(number, fields)


def _refuse(number: int, line: bytes, reason: str) -> RowError:
    return RowError(
        number,
        (FieldProblem("", None, reason),),
        text=line[:_MAX_KEPT].decode("utf-8", "replace").strip(),
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed")
