"""Builds catalogue files with media, and uploads them through the service."""

from __future__ import annotations

import csv
import io
import json
import wave
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile, File
from openpyxl import Workbook
from PIL import Image

from webapp.catalog.models import Upload, UploadRow
from webapp.catalog.models.upload import UploadSource
from webapp.importing.service import create_upload, run_upload

Row = Mapping[str, Any]


def picture_bytes(
    colour: tuple[int, int, int], size: tuple[int, int] = (40, 30), kind: str = "PNG"
) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def sound_bytes(seconds: float = 0.2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * int(8000 * seconds))
    return out.getvalue()


class MediaFolder:
    """A folder of media beside a catalogue."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)

    def add(self, name: str, content: bytes) -> str:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return name

    def picture(self, name: str, colour: tuple[int, int, int] = (200, 30, 30)) -> str:
        return self.add(name, picture_bytes(colour))

    def zipped(self) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for path in sorted(self.path.rglob("*")):
                archive.write(path, path.relative_to(self.path))
        return out.getvalue()


def _columns(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def csv_bytes(rows: Sequence[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, _columns(rows))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def jsonl_bytes(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def xlsx_bytes(rows: Sequence[Row]) -> bytes:
    book = Workbook()
    sheet = book.create_sheet(index=0)
    columns = _columns(rows)
    sheet.append(columns)
    for row in rows:
        sheet.append([row.get(name) for name in columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WRITERS = {"csv": csv_bytes, "jsonl": jsonl_bytes, "xlsx": xlsx_bytes}


def accept(rows: Sequence[Row] | bytes, *, kind: str = "csv", **options: Any) -> Upload:
    """An upload that is accepted and not yet run."""
    content = rows if isinstance(rows, bytes) else WRITERS[kind](rows)
    media_zip = options.pop("media_zip", None)
    return create_upload(
        file=ContentFile(content, name=f"catalogue.{kind}"),
        source=UploadSource.TERMINAL,
        media_zip=File(io.BytesIO(media_zip), name="media.zip") if media_zip else None,
        **options,
    )


def run(rows: Sequence[Row] | bytes, *, media: MediaFolder | None = None, **options: Any) -> Upload:
    """Upload and import."""
    if media:
        options["media_dir"] = str(media.path)
    return run_upload(upload_id=accept(rows, **options).pk)


def outcomes(upload: Upload) -> dict[str, str]:
    """Outcome by sku."""
    return dict(UploadRow.objects.filter(upload=upload).values_list("sku", "outcome"))


def reasons(upload: Upload) -> list[tuple[int, str, str, str]]:
    """(row, level, field, reason) of every message."""
    return [
        (row.number, message["level"], message["field"], message["reason"])
        for row in UploadRow.objects.filter(upload=upload).order_by("number")
        for message in row.messages
    ]


def counts(upload: Upload) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, errors."""
    return upload.created_count, upload.updated_count, upload.unchanged_count, upload.error_count
