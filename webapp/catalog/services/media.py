"""Single media files from a form or a request."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File

from search.config import engine_settings
from search.files import copy_chunks
from search.media.inspect import MediaInfo, inspect_media
from search.media.limits import MediaLimits
from search.types import Modality
from webapp.catalog.models import AssetKind
from webapp.catalog.services.assets import StoredFile, store_file

SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif", "matroska": ".webm"}


def file_suffix(format_name: str) -> str:
    """Return '.jpg' for 'jpeg'; stores and browsers read the type from the suffix."""
    return SUFFIXES.get(format_name, f".{format_name}")


def store_media(*, content: File[Any], wanted: Modality | None = None) -> StoredFile:
    """Check that the file decodes, and store it. Raises MediaError."""
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        _, digest = copy_chunks(content.chunks(), copy)
        copy.flush()
        info = inspect_media(Path(copy.name), MediaLimits.from_settings(engine_settings()), wanted)
    name = store_file(content, content_hash=digest, suffix=file_suffix(info.format))
    return make_stored_file(info, digest, name, source=content.name or "")


def make_stored_file(
    info: MediaInfo, content_hash: str, name: str, *, source: str = ""
) -> StoredFile:
    """Return the record of a file that was inspected and stored."""
    return StoredFile(
        kind=AssetKind(info.kind.value),
        name=name,
        content_hash=content_hash,
        source=source[:2000],
        bytes=info.bytes,
        width=info.width or None,
        height=info.height or None,
        duration_s=info.seconds,
    )
