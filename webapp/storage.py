"""Media on local disk. A crash never leaves a partly written file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from search.files import sync_file


class DurableFileStorage(FileSystemStorage):
    """Storage that renames a file to its name after it is complete and on disk.

    Media are named by their content, and an existing name counts as stored, so a partly written
    file would never be replaced.
    """

    def _save(self, name: str, content: File[bytes]) -> str:
        with tempfile.NamedTemporaryFile(
            dir=settings.FILE_UPLOAD_TEMP_DIR, delete=False
        ) as temporary:
            try:
                for chunk in content.chunks():
                    temporary.write(chunk)
                sync_file(temporary)
                # Django moves a file with such a path; in one file system the move is a rename.
                complete = File(temporary, name)
                complete.temporary_file_path = lambda: temporary.name  # type: ignore[attr-defined]
                saved: str = super()._save(name, complete)  # type: ignore[misc]  # not in the stubs
            except BaseException:
                Path(temporary.name).unlink(missing_ok=True)
                raise
        return saved
