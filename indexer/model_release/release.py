"""How another space comes into use, forwards or back."""

from __future__ import annotations

import datetime
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from indexer.encoding.jobs import enqueue_missing_jobs
from indexer.index.compaction import build_generation
from indexer.model_release.progress import Progress, Row, held_row
from search.config import engine_settings
from search.errors import CorruptGeneration, NoGeneration, OmnishelfError, Unavailable
from search.types import Space
from search.vectors.backends import delete_index, open_generations
from webapp.catalog.models import Embedding, IndexGeneration, IndexJob, JobState, TuningState
from webapp.catalog.selectors.embeddings import count_changes_since
from webapp.celery import ENCODE_QUEUED, notify_worker
from webapp.leases.heartbeat import heartbeat
from webapp.leases.leased import LeasedQuerySet

logger = logging.getLogger(__name__)

LIVE, RETIRED, ROLLED_BACK, FAILED = (
    TuningState.LIVE.value,
    TuningState.RETIRED.value,
    TuningState.ROLLED_BACK.value,
    TuningState.FAILED.value,
)
"""Tunings and changes of model share these states."""

START_AGAIN = "Start it again: what is encoded stays."


@dataclass(eq=False)
class ModelRelease(ABC, Generic[Row]):
    """Brings a space into use beside the one in use. Tunings and changes of model take its steps.

    1. `fill` the space from what is stored. Readers of the space in use notice nothing.
    2. `build` an index generation of it beside the live one.
    3. `approve`: measure it against the space in use. A space that is not approved ends its row,
       and everything stays as it is.
    4. `catch_up`: fill what arrived meanwhile.
    5. `activate` in one transaction: check that the live row is the one expected, and change the
       states of the rows. Until it commits, readers see nothing of the new space; afterwards they
       see all of it.
    6. `update_jobs`: drop the jobs of the outgoing space, enqueue what the new one lacks.
    7. `clean_up`: drop the spaces that no rollback leads to.

    Every step can be repeated. Before step 5, any error leaves the space in use in use. `space`
    comes into use in place of the space with the fingerprint `outgoing`.
    """

    row: Row
    space: Space
    outgoing: str

    def run(self) -> None:
        """Take all steps. Raises Unavailable when another space came into use meanwhile."""
        self.fill()
        self.build()
        if not self.approve():
            return
        self.catch_up()
        self.activate()
        self.update_jobs()
        self.clean_up()

    @abstractmethod
    def fill(self) -> None:
        """Complete the space while it has no readers."""

    @abstractmethod
    def build(self) -> None:
        """Publish a generation of the space."""

    def approve(self) -> bool:
        """Return whether the space may come into use. Otherwise the row has ended."""
        return True

    @abstractmethod
    def catch_up(self) -> None:
        """Complete the space again, after the build."""

    @abstractmethod
    def activate(self) -> None:
        """Make the space the one in use, in one transaction."""

    @property
    @abstractmethod
    def live_rows(self) -> QuerySet[Row]:
        """The row in use, if any: at most one."""

    def lock_live(self) -> Row | None:
        """Lock and return the row in use."""
        return self.live_rows.select_for_update().first()

    def update_jobs(self) -> None:
        """Move work that waits from the outgoing space to the new one."""
        IndexJob.objects.filter(space=self.outgoing, state=JobState.QUEUED).delete()
        if enqueue_missing_jobs(space=self.space.fingerprint):
            notify_worker(ENCODE_QUEUED)
        logger.info("space %s is in use instead of %s", self.space.fingerprint, self.outgoing)

    def clean_up(self) -> None:
        """Drop what no rollback needs."""


@dataclass(eq=False)
class ForwardRelease(ModelRelease[Row]):
    """Brings a new space into use, and keeps the outgoing one for a rollback."""

    progress: Progress[Row]

    def build(self) -> None:
        """Build a generation beside the live one."""
        self.progress.begin("building", 1)
        build_generation(self.space)
        self.progress.advance()

    def is_comparison_valid(self) -> bool:
        """Return whether both spaces are still those that were compared."""
        return True

    def activate(self) -> None:
        """Retire the live row and make this one live.

        Raises Unavailable when the space that this one was compared with is not in use any more,
        or the claim on the row is lost.
        """
        with transaction.atomic():
            live = self.lock_live()
            if (live and live.pk) != self.row.previous_id or not self.is_comparison_valid():
                raise Unavailable(
                    "another space came into use meanwhile, so the comparison is void",
                    fix=START_AGAIN,
                )
            self.retired_rows.update(state=RETIRED, stage="")
            if not end_release(self.row, LIVE):
                raise Unavailable(
                    "this run was abandoned in the meantime",
                    value=str(self.row),
                    fix=START_AGAIN,
                )

    @property
    def retired_rows(self) -> QuerySet[Row]:
        """The rows that this one replaces."""
        return self.live_rows

    @property
    @abstractmethod
    def unused_spaces(self) -> Collection[str]:
        """Fingerprints of the spaces that no rollback leads to."""

    def clean_up(self) -> None:
        """Drop the spaces that no rollback leads to. Stored features and heads stay."""
        try:
            for space in self.unused_spaces:
                drop_space(space)
        except Unavailable as error:
            logger.warning("unused spaces are dropped at the next release: %s", error)


class Rollback(ModelRelease[Row]):
    """Brings back what was in use before the live row. The way back has the same steps."""

    def build(self) -> None:
        """Build a generation where there is none, or where its delta is large.

        Readers that come back must not hold more changes in memory than a compaction would leave.
        """
        try:
            live = open_generations(engine_settings(), self.space).get_live()
        except (NoGeneration, CorruptGeneration):
            build_generation(self.space)
            return
        if count_changes_since(seq=live.seq) >= engine_settings().delta_compact_at:
            build_generation(self.space)

    @property
    @abstractmethod
    def ending_row(self) -> LeasedQuerySet[Row]:
        """The row that is rolled back, as long as this process may do so."""

    @property
    def ended_fields(self) -> dict[str, Any]:
        """Fields to set on the row that is rolled back."""
        return {}

    def activate(self) -> None:
        """End the live row and make the previous one live.

        Raises Unavailable when the row is not in use any more.
        """
        with transaction.atomic():
            live = self.lock_live()
            ended = live is not None and live.pk == self.row.pk
            if not ended or not self.ending_row.release(state=ROLLED_BACK, **self.ended_fields):
                raise Unavailable("this row is not in use any more", value=str(self.row))
            if self.row.previous_id:
                type(self.row).objects.filter(pk=self.row.previous_id).update(state=LIVE)


def end_release(row: Row, state: str, error: str = "") -> bool:
    """End a run of this process. Return False when its claim on the row is lost."""
    ended = held_row(row).release(
        state=state, stage="", error=error[:1000], finished_at=timezone.now()
    )
    return bool(ended)


@contextmanager
def claimed_run(
    rows: LeasedQuerySet[Any],
    lease: datetime.timedelta,
    *,
    on_error: Callable[[str], object],
    on_interrupt: Callable[[], object],
) -> Iterator[None]:
    """Renew the lease of a row during a run, and report how the run failed.

    Errors are raised again. An interrupt is Ctrl-C, or the end of the process.
    """
    try:
        with heartbeat(rows, lease):
            yield
    except OmnishelfError as error:
        on_error(str(error))
        raise
    except Exception as error:
        on_error(f"{type(error).__name__}: {error}")
        raise
    except BaseException:
        on_interrupt()
        raise


def drop_space(space: str) -> None:
    """Delete the embeddings, jobs and index of a space. Raises Unavailable."""
    for model in (Embedding, IndexJob, IndexGeneration):
        model.objects.filter(space=space).delete()
    delete_index(engine_settings(), space)
