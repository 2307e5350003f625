"""`manage.py import_catalog`: import a catalogue from the terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from indexer.upload_console import UploadConsole, wait_until_encoded
from search.errors import OmnishelfError
from search.terminal import make_console
from webapp.catalog.models import Upload, UploadState
from webapp.catalog.models.upload import UploadSource
from webapp.importing.failed_rows import write_failed_rows
from webapp.importing.service import create_upload, run_upload


class Command(BaseCommand):
    """Imports a catalogue."""

    help = (
        "Import a catalogue (CSV, XLSX or JSON Lines) in this process. Exit status: 0 if every row "
        "was imported, 1 otherwise. A worker resumes an interrupted import."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the catalogue file")
        parser.add_argument(
            "--media",
            type=Path,
            metavar="DIR|ZIP",
            help="folder or zip with the media files (default: the folder of the catalogue)",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check rows and media files, but change nothing"
        )
        parser.add_argument(
            "--remove-absent",
            action="store_true",
            help="remove products that the file does not list",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="wait until everything is encoded; encode here when no worker does",
        )
        parser.add_argument(
            "--failed-rows",
            type=Path,
            metavar="OUT",
            help="write the failed rows to this file, to fix and import again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = make_console()
        try:
            upload = self._import(console, options)
            if options["failed_rows"] and upload.error_count:
                with options["failed_rows"].open("wb") as out:
                    write_failed_rows(upload=upload, out=out)
            if options["wait"] and not upload.dry_run:
                wait_until_encoded(upload, console)
        except (OmnishelfError, OSError) as error:
            raise CommandError(str(error)) from error
        if upload.state != UploadState.DONE:
            raise CommandError(upload.error or f"the import was {upload.get_state_display()}")
        if upload.error_count:
            sys.exit(1)

    @staticmethod
    def _import(console: Console, options: dict[str, Any]) -> Upload:
        path: Path = options["file"]
        media: Path = options["media"] or path.parent
        if not media.exists():
            raise CommandError(f"media folder or zip not found: {media}")
        with path.open("rb") as file:
            upload = create_upload(
                file=File(file),
                source=UploadSource.TERMINAL,
                media_dir=str(media.resolve()),
                dry_run=options["dry_run"],
                remove_absent=options["remove_absent"],
            )
        with UploadConsole(console) as shown:
            upload = run_upload(upload_id=upload.pk, on_progress=shown.update)
        shown.print_summary(upload)
        return upload
