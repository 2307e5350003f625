"""The import of one upload, from its checkpoint to its end, in batches.

Each batch is written as a whole or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from search.config import engine_settings
from search.errors import InputError
from search.media.fetch.download import FetchLimits
from search.media.limits import MediaLimits
from webapp.catalog.models import Product, Upload
from webapp.catalog.services.categories import CategoryPath, CategoryTree
from webapp.catalog.services.jobs import notify_encoder
from webapp.catalog.services.product_writer import ProductWriter
from webapp.importing.batch import (
    BatchPlan,
    BatchPlanner,
    Entry,
    ParsedEntry,
    batch_skus,
    parse_entry,
    write_reports,
)
from webapp.importing.lease import Claim
from webapp.importing.media import MediaImporter, MediaResult, Reference, row_references
from webapp.importing.media_sources import (
    FolderMedia,
    MediaResolver,
    MediaSource,
    UrlMedia,
    ZipMedia,
)
from webapp.importing.readers import local_path, open_rows
from webapp.importing.remove_absent import remove_absent
from webapp.importing.row_report import count_outcomes
from webapp.retrieval.models_runtime import active_space

BATCH_SIZE = 100
"""Rows of a batch."""
MEDIA_THREADS = 2
"""Few: encoding runs at the same time on the same cores, and remote hosts are spared."""
NOTIFY_INTERVAL_S = 1.0
MAX_ATTEMPTS = 3
"""Attempts to write a batch that conflicts with another writer."""

Progress = Callable[[Upload], None]


class ImportRun:
    """Imports one claimed upload.

    1. Count the rows, for the progress bar.
    2. Open the media folder or zip.
    3. For each batch of rows after the checkpoint:
       a. parse the rows;
       b. read, check and store the media that they name;
       c. create missing categories;
       d. lock the stored products and decide the outcome of each row;
       e. write the row reports, the checkpoint and the products, in one transaction;
       f. ask the encoder to look at the queue.
    4. Remove products that the file does not list, if the upload says so.
    """

    def __init__(self, claim: Claim, upload: Upload, on_progress: Progress | None = None) -> None:
        self._claim = claim
        self._upload = upload
        self._on_progress = on_progress
        self._categories = CategoryTree()
        self._notifier = WorkerNotifier()

    def run(self) -> None:
        """Import the remaining rows.

        Raises ClaimLost, InputError (the file as a whole), Unavailable, OSError.
        """
        with ExitStack() as stack:
            path = stack.enter_context(local_path(self._upload.file))
            self._count_rows(path)
            importer = self._open_media(stack)
            for entries in read_batches(path, self._upload.next_row):
                self._import_batch(entries, importer)
        if self._upload.remove_absent:
            remove_absent(self._claim, self._upload)
        self._notifier.flush()

    def _count_rows(self, path: Path) -> None:
        """Store the number of rows. A file that breaks midway is reported when it does."""
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

    def _open_media(self, stack: ExitStack) -> MediaImporter:
        limits = MediaLimits.from_settings(engine_settings())
        urls = UrlMedia(
            FetchLimits.from_settings(engine_settings()), folder=settings.FILE_UPLOAD_TEMP_DIR
        )
        files = self._open_files(stack, limits.max_bytes)
        pool = stack.enter_context(ThreadPoolExecutor(MEDIA_THREADS, thread_name_prefix="media"))
        return MediaImporter(
            MediaResolver(files, urls),
            limits,
            pool,
            store=not self._upload.dry_run,
            heartbeat=self._claim.renew,
        )

    def _open_files(self, stack: ExitStack, max_bytes: int) -> MediaSource | None:
        if self._upload.media_zip:
            path = stack.enter_context(local_path(self._upload.media_zip))
        elif self._upload.media_dir:
            path = Path(self._upload.media_dir)
            if not path.is_file():
                return FolderMedia(path, max_bytes)
        else:
            return None
        folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
        return stack.enter_context(ZipMedia(path, max_bytes, folder=folder))

    def _import_batch(self, entries: Sequence[Entry], importer: MediaImporter) -> None:
        parsed = [parse_entry(entry) for entry in entries]
        rows = [entry.row for entry in parsed if entry.row]
        media = importer.read(reference for row in rows for reference in row_references(row))
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                self._write(parsed, media)
                break
            except IntegrityError:
                # At the same moment, another writer created one of these products or deleted a
                # category.
                if attempt == MAX_ATTEMPTS:
                    raise
                self._categories.load()
        self._upload.refresh_from_db()
        if self._on_progress:
            self._on_progress(self._upload)

    def _write(
        self, entries: Sequence[ParsedEntry], media: Mapping[Reference, MediaResult]
    ) -> None:
        skus = batch_skus(entries)
        if self._upload.dry_run:
            with transaction.atomic():
                products = list(Product.objects.filter(sku__in=skus))
                self._report(self._plan(entries, media, products))
            return
        self._prepare_categories(entries)
        space = active_space().fingerprint
        with ProductWriter.begin(space=space, notify=self._notifier.notify) as writer:
            plan = self._plan(entries, media, writer.lock(sku__in=skus))
            for change in plan.changes:
                writer.save(change)
            self._report(plan)

    def _plan(
        self,
        entries: Sequence[ParsedEntry],
        media: Mapping[Reference, MediaResult],
        products: Sequence[Product],
    ) -> BatchPlan:
        categories = self._categories.ids
        return BatchPlanner(self._upload.pk, entries, media, categories, products).plan()

    def _report(self, plan: BatchPlan) -> None:
        write_reports(self._upload.pk, plan)
        self._claim.checkpoint(len(plan.reports), count_outcomes(plan.reports))

    def _prepare_categories(self, entries: Sequence[ParsedEntry]) -> None:
        names: dict[CategoryPath, dict[str, CategoryPath]] = {}
        for entry in entries:
            if entry.row and entry.row.category:
                translations = entry.row.category_names.items()
                names.setdefault(tuple(entry.row.category), {}).update(
                    {language: tuple(path) for language, path in translations if path}
                )
        self._categories.ensure(names)
        self._categories.translate(names)


class WorkerNotifier:
    """Asks the encoder to look at the queue, at most once a second, and once at the end."""

    def __init__(self) -> None:
        self._notified_at = float("-inf")
        self._pending = False

    def notify(self) -> None:
        self._pending = True
        if time.monotonic() - self._notified_at >= NOTIFY_INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            notify_encoder()
            self._notified_at, self._pending = time.monotonic(), False


def read_batches(path: Path, skip: int) -> Iterator[list[Entry]]:
    """Yield the rows after the checkpoint.

    When the file breaks midway, the rows before the break come first, then the InputError.
    """
    with open_rows(path) as opened:
        rows = islice(opened.rows, skip, None)
        broken: InputError | None = None
        while broken is None:
            batch: list[Entry] = []
            try:
                for row in islice(rows, BATCH_SIZE):
                    batch.append(row)  # noqa: PERF402 (rows read before the error count)
            except InputError as error:
                broken = error
            if batch:
                yield batch
            elif broken is None:
                return
        raise broken
