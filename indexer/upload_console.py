"""An upload in the terminal: its progress, its results, and waiting for its encoding."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from indexer.encoding import run
from webapp.catalog.models import JobState, Upload
from webapp.catalog.selectors.uploads import count_upload_jobs, get_problem_rows
from webapp.retrieval.models_runtime import active_space

MAX_PROBLEMS_SHOWN = 20
POLL_INTERVAL_S = 0.5
IDLE_TIMEOUT_S = 3.0
"""After so long without a claim by a worker, this process encodes by itself."""


def _make_progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


class UploadConsole:
    """Shows a progress bar over the rows, then a table of results and the first problems."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = _make_progress(console)
        self._task = self._progress.add_task("rows", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def update(self, upload: Upload) -> None:
        """Show how many rows are done."""
        self._progress.update(self._task, completed=upload.next_row, total=upload.total_rows)

    def print_summary(self, upload: Upload) -> None:
        """Print the results."""
        counts = Table("created", "updated", "unchanged", "with warnings", "errors", "removed")
        counts.add_row(
            *(
                f"{count:,}"
                for count in (
                    upload.created_count,
                    upload.updated_count,
                    upload.unchanged_count,
                    upload.warning_count,
                    upload.error_count,
                    upload.removed_count,
                )
            )
        )
        self._console.print(
            f"{upload.filename}: {upload.state}{' (dry run)' if upload.dry_run else ''}"
        )
        self._console.print(counts)
        for note in upload.notes:
            self._console.print(escape(note["reason"]))
        self._print_problems(upload)

    def _print_problems(self, upload: Upload) -> None:
        rows = list(get_problem_rows(upload=upload)[: MAX_PROBLEMS_SHOWN + 1])
        if not rows:
            return
        table = Table("row", "SKU", "level", "field", "reason")
        for row in rows[:MAX_PROBLEMS_SHOWN]:
            for message in row.messages:
                cells = (message["level"], message["field"], message["reason"])
                table.add_row(str(row.number), escape(row.sku), *map(escape, cells))
        self._console.print(table)
        if len(rows) > MAX_PROBLEMS_SHOWN:
            self._console.print("… and more; --failed-rows writes all that failed")


def wait_until_encoded(upload: Upload, console: Console) -> None:
    """Wait until no content of the upload is queued. Encode here when no worker does."""
    with _make_progress(console) as progress:
        task = progress.add_task("encoding", total=None)

        def show(_: object = None) -> dict[str, int]:
            counts = count_upload_jobs(upload=upload, space=active_space().fingerprint)
            finished = counts[JobState.DONE] + counts[JobState.FAILED]
            progress.update(task, completed=finished, total=sum(counts.values()))
            return counts

        idle_since = time.monotonic()
        counts = show()
        while counts[JobState.QUEUED] or counts[JobState.CLAIMED]:
            before = counts
            time.sleep(POLL_INTERVAL_S)
            counts = show()
            if counts[JobState.CLAIMED] or counts != before:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > IDLE_TIMEOUT_S:
                run.encode_queued(on_batch=show)
                counts = show()
    if counts[JobState.FAILED]:
        console.print(
            f"{counts[JobState.FAILED]:,} contents failed; the admin lists them under Index jobs"
        )
