"""manage.py import_catalog"""

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
    help = (
        "Import a catalogue (CSV, XLSX or JSON Lines) in this process. Exit status: 0 when every row went in, 1 when a "
        "row failed or the import did. An interrupted import is resumed by a worker."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the catalogue file")
        parser.add_argument(
            "--media",
            type=Path,
            metavar="DIR|ZIP",
            help="where media files are; default: the catalogue's own folder",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check rows and open files, change nothing"
        )
        parser.add_argument(
            "--remove-absent",
            action="store_true",
            help="remove products that the file does not list",
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="also wait until everything is encoded; encode here when no worker does",
        )
        parser.add_argument(
            "--failed-rows", type=Path, metavar="OUT", help="write failed rows here, to be mended"
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
            raise CommandError(f"there is no such media folder or zip: {media}")
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
        shown.summary(upload)
        return upload
