"""The failed rows of an upload, in the form they were uploaded in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import IO

from webapp.catalog.models import Outcome, Upload, UploadRow
from webapp.importing.failed_rows import FailedRow, write_failed_rows
from webapp.importing.local_files import local_path
from webapp.importing.raw_rows import FieldProblem
from webapp.importing.readers import open_rows

CHUNK = 500


def failed_rows_write(*, upload: Upload, out: IO[bytes]) -> str:
    """Write the failed rows to `out`; JSON Lines stays JSON Lines, tables become CSV. Returns a
    file name.

    Raises InputError when the upload's file cannot be opened as a catalogue.
    """
    with local_path(upload.file) as path, open_rows(path) as opened:
        columns = opened.columns
        kind = "jsonl" if opened.kind == "jsonl" else "csv"
    for text in write_failed_rows(_failed_rows(upload), kind, columns):
        out.write(text.encode())
    return f"{PurePath(upload.filename).stem}-failed.{kind}"


def _failed_rows(upload: Upload) -> Iterator[FailedRow]:
    failed = UploadRow.objects.filter(upload=upload, outcome=Outcome.ERROR).order_by("number")
    for row in failed.iterator(CHUNK):
        problems = [
            FieldProblem(message["field"], None, message["reason"]) for message in row.messages
        ]
        yield FailedRow(row.raw["fields"], problems, row.raw.get("text", ""))
