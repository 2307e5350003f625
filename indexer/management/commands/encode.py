"""`manage.py encode`: encode what is queued, in the foreground."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from indexer.encoding import run
from indexer.encoding.jobs import enqueue_missing_jobs, requeue_abandoned_jobs
from indexer.encoding.totals import EncodeTotals
from search.errors import OmnishelfError
from webapp.catalog.models import IndexJob, JobState
from webapp.catalog.services.jobs import retry_jobs
from webapp.retrieval.models_runtime import active_space


class Command(BaseCommand):
    """Encodes the queue."""

    help = "Encode every queued content; queue lost jobs first. Exit status 1: the encoder failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--retry-failed", action="store_true", help="retry contents that failed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Encode until the queue is empty."""
        space = active_space().fingerprint
        requeue_abandoned_jobs()
        enqueue_missing_jobs(space=space)
        jobs = IndexJob.objects.filter(space=space)
        if options["retry_failed"]:
            retry_jobs(jobs=jobs)
        with tqdm(
            total=jobs.filter(state=JobState.QUEUED).count(), unit="content", disable=None
        ) as bar:
            passes = self._encode(bar)
        for totals in passes:
            self.stdout.write(str(totals))
        self.stdout.write(f"{jobs.filter(state=JobState.FAILED).count()} failed in all")

    def _encode(self, bar: tqdm[Any]) -> list[EncodeTotals]:
        def show(totals: EncodeTotals) -> None:
            bar.update(totals.encoded.total() + totals.failed - bar.n)

        try:
            return run.encode_queued(show)
        except OmnishelfError as error:
            raise CommandError(str(error)) from error
