"""Media on local disk, safe against a process that dies while it writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from search.files import sync_file


class DurableFileStorage(FileSystemStorage):
    """A file appears under its name when it is complete and on disk, never before.

    Media are named by their content, and a name that exists is taken for stored: half a file
    would stay half for ever.
    """

    def _save(self, name: str, content: File) -> str:
        with tempfile.NamedTemporaryFile(
            dir=settings.FILE_UPLOAD_TEMP_DIR, delete=False
        ) as written:
            try:
                for chunk in content.chunks():
                    written.write(chunk)
                sync_file(written)
                # Django moves a file that has such a path; within one file system that is a rename.
                complete = File(written, name)
                complete.temporary_file_path = lambda: written.name  # type: ignore[attr-defined]
                saved: str = super()._save(name, complete)
            except BaseException:
                Path(written.name).unlink(missing_ok=True)
                raise
        return saved
