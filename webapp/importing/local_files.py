"""Uploaded files as local paths: zip and spreadsheet readers need to seek, which an object store
does not offer.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db.models.fields.files import FieldFile


@contextmanager
def local_path(stored: FieldFile) -> Iterator[Path]:
    """The stored file's own path where the store is a local disk, else a copy that is removed
    afterwards.
    """
    if isinstance(stored.storage, FileSystemStorage):
        yield Path(stored.path)
        return
    with tempfile.NamedTemporaryFile(
        dir=settings.FILE_UPLOAD_TEMP_DIR, suffix=Path(str(stored.name)).suffix
    ) as copy:
        with stored.open("rb") as content:
            shutil.copyfileobj(content, copy, 1 << 20)
        copy.flush()
        yield Path(copy.name)
