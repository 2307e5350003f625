"""The import of one upload, from its checkpoint to its end, in batches that each stand or fall
as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from search.config import engine_settings
from search.errors import InputError
from search.media.fetch.download import FetchLimits
from search.media.inspect import MediaLimits
from webapp.catalog.models import Upload
from webapp.celery import ENCODE_QUEUED, notify_worker
from webapp.importing.batch import (
    BatchPlan,
    BatchPlanner,
    Draft,
    touch_products,
    write_products,
    write_reports,
)
from webapp.importing.categories import CategoryTree
from webapp.importing.lease import Claim
from webapp.importing.local_files import local_path
from webapp.importing.media import MediaImporter, MediaResult, Reference, row_references
from webapp.importing.media_sources import (
    FolderMedia,
    MediaResolver,
    MediaSource,
    UrlMedia,
    ZipMedia,
)
from webapp.importing.raw_rows import RawRow, RowError
from webapp.importing.readers import open_rows
from webapp.importing.remove_absent import remove_absent
from webapp.importing.row_report import RowReport, count_outcomes
from webapp.importing.rows import parse_row
from webapp.retrieval.models_runtime import active_space

BATCH_ROWS = 100
THREADS = 2
"""Few: encoding runs beside the import on the same cores, and remote hosts should not be
pressed."""
WAKE_EVERY_S = 1.0
CONFLICT_TRIES = 3

Entry = RawRow | RowError
Progress = Callable[[Upload], None]


class ImportRun:
    """Imports one claimed upload."""

    def __init__(self, claim: Claim, upload: Upload, on_progress: Progress | None = None) -> None:
        self._claim = claim
        self._upload = upload
        self._on_progress = on_progress
        self._categories = CategoryTree()
        self._waker = WorkerNotifier()

    def run(self) -> None:
        """Import the rows that are left. Raises ClaimLost, InputError (the file as a whole),
        Unavailable, OSError.
        """
        with ExitStack() as stack:
            path = stack.enter_context(local_path(self._upload.file))
            self._count(path)
            self._intake = self._open_intake(stack)
            for entries in read_batches(path, self._upload.next_row):
                self._import(entries)
        if self._upload.remove_absent:
            remove_absent(self._claim, self._upload)
        self._waker.notify_worker()

    def _count(self, path: Path) -> None:
        """Learn how many rows there are, for the progress bar. A file that breaks midway is
        reported when it does.
        """
        if self._upload.total_rows is not None:
            return
        try:
            with open_rows(path) as rows:
                total = 0
                for _ in rows.rows:
                    total += 1
                    self._claim.renew()
        except InputError:
            return
        self._claim.update(total_rows=total)
        self._upload.total_rows = total

    def _open_intake(self, stack: ExitStack) -> MediaImporter:
        limits = MediaLimits.from_settings(engine_settings())
        fetched = UrlMedia(
            FetchLimits.from_settings(engine_settings()), folder=settings.FILE_UPLOAD_TEMP_DIR
        )
        files = self._open_files(stack, limits.max_bytes)
        pool = stack.enter_context(ThreadPoolExecutor(THREADS, thread_name_prefix="media"))
        return MediaImporter(
            MediaResolver(files, fetched),
            limits,
            pool,
            store=not self._upload.dry_run,
            heartbeat=self._claim.renew,
        )

    def _open_files(self, stack: ExitStack, max_bytes: int) -> MediaSource | None:
        if self._upload.media_zip:
            return self._open_zip(
                stack, stack.enter_context(local_path(self._upload.media_zip)), max_bytes
            )
        if not self._upload.media_dir:
            return None
        path = Path(self._upload.media_dir)
        return (
            self._open_zip(stack, path, max_bytes)
            if path.is_file()
            else FolderMedia(path, max_bytes)
        )

    @staticmethod
    def _open_zip(stack: ExitStack, path: Path, max_bytes: int) -> ZipMedia:
        return stack.enter_context(
            ZipMedia(path, max_bytes, folder=Path(settings.FILE_UPLOAD_TEMP_DIR))
        )

    def _import(self, entries: list[Entry]) -> None:
        drafts = [parse_entry(entry) for entry in entries]
        rows = [draft.row for draft in drafts if draft.row]
        media = self._intake.read(reference for row in rows for reference in row_references(row))
        for attempt in range(1, CONFLICT_TRIES + 1):
            try:
                self._write(drafts, media)
                break
            except IntegrityError:
                # Somebody else created one of these products, or deleted a category, at the same
                # moment.
                if attempt == CONFLICT_TRIES:
                    raise
                self._categories.load()
        self._upload.refresh_from_db()
        if self._on_progress:
            self._on_progress(self._upload)

    def _write(self, drafts: list[Draft], media: dict[Reference, MediaResult]) -> None:
        if not self._upload.dry_run:
            self._prepare_categories(drafts)
        with transaction.atomic():
            planner = BatchPlanner(
                self._upload.pk, drafts, media, self._categories.ids, lock=not self._upload.dry_run
            )
            plan = planner.plan()
            if not self._upload.dry_run and write_products(plan, space=active_space().fingerprint):
                transaction.on_commit(self._waker)
            self._finish_batch(plan)

    def _finish_batch(self, plan: BatchPlan) -> None:
        write_reports(self._upload.pk, plan)
        self._claim.checkpoint(len(plan.reports), count_outcomes(plan.reports))
        if not self._upload.dry_run:
            touch_products(plan)

    def _prepare_categories(self, drafts: list[Draft]) -> None:
        rows = [draft.row for draft in drafts if draft.row and draft.row.category]
        self._categories.ensure(row.category for row in rows)
        names = {
            row.category: {
                language: translation.category
                for language, translation in row.translations.items()
                if translation.category
            }
            for row in rows
        }
        self._categories.translate(names)


class WorkerNotifier:
    """Asks the encoder to look at the queue, at most about once a second, and once more at the
    end.
    """

    def __init__(self) -> None:
        self._woken = float("-inf")
        self._owed = False

    def __call__(self) -> None:
        self._owed = True
        if time.monotonic() - self._woken >= WAKE_EVERY_S:
            self.notify_worker()

    def notify_worker(self) -> None:
        if self._owed:
            notify_worker(ENCODE_QUEUED)
            self._woken, self._owed = time.monotonic(), False


def read_batches(path: Path, skip: int) -> Iterator[list[Entry]]:
    """Rows after the checkpoint. When the file breaks midway, the rows before it come first,
    then the error.
    """
    with open_rows(path) as opened:
        rows = islice(opened.rows, skip, None)
        broken: InputError | None = None
        while broken is None:
            batch: list[Entry] = []
            try:
                for row in islice(rows, BATCH_ROWS):
                    batch.append(row)  # noqa: PERF402 (what was read before the error counts)
            except InputError as error:
                broken = error
            if batch:
                yield batch
            elif broken is None:
                return
        raise broken


def parse_entry(entry: Entry) -> Draft:
    report = RowReport.of(entry)
    parsed = entry.problems if isinstance(entry, RowError) else parse_row(entry)
    if isinstance(parsed, (list, tuple)):
        report.fail(parsed)
        return Draft(report, None)
    report.sku = parsed.sku
    return Draft(report, parsed)
