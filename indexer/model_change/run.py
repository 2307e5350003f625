"""A change of model, from its claim to its end, and its rollback."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from indexer.model_change.claiming import (
    LEASE,
    abandon_interrupted_change,
    claim_change,
    claim_rollback,
    drop_queued_jobs,
    held_for_rollback,
)
from indexer.model_change.compare import compare
from indexer.model_change.golden_set import load_golden_set
from indexer.model_change.preflight import check_target
from indexer.model_release.fill import encode_whole_space
from indexer.model_release.progress import Progress, held_row
from indexer.model_release.release import ForwardRelease, Rollback, claimed_run, end_release
from search.errors import InputError
from search.evaluation.folder import EvaluationQuery
from webapp.catalog.models import (
    GoldenSetSource,
    IndexJob,
    JobState,
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
    Tuning,
)
from webapp.catalog.selectors.spaces import get_active_heads
from webapp.leases.leased import LeasedQuerySet
from webapp.retrieval.models_runtime import ActiveModel, active_heads, wait_until_current

logger = logging.getLogger(__name__)

SAVED = (
    "failed_count",
    "golden_source",
    "query_count",
    "skipped_count",
    "before",
    "after",
    "gain",
    "gain_low",
    "gain_high",
    "overlap",
)
"""Fields of the row that are written with its progress."""

Show = Callable[[ModelChange], None]


def change_model(
    preset: str,
    *,
    golden: Sequence[EvaluationQuery] = (),
    force: bool = False,
    dry_run: bool = False,
    show: Show | None = None,
) -> ModelChange:
    """Bring another preset into use when the golden set does not get worse.

    On an error the space in use stays in use, the row records the error, and the error is raised
    again. An interrupted process leaves the change interrupted, and the same call resumes it.
    Raises UnknownPreset and what `check_target` and `claim_change` raise before anything is
    written.
    """
    current, target = wait_until_current(), ActiveModel(preset, active_heads(preset))
    check_target(target)
    change = claim_change(target, current, dry_run=dry_run, forced=force)
    progress = Progress(change, LEASE, SAVED, show)
    with claimed_run(
        held_row(change),
        LEASE,
        on_error=lambda error: _end(change, ModelChangeState.FAILED, error),
        on_interrupt=lambda: held_row(change).release(),
    ):
        ChangeRelease(change, current, target, golden, progress).run()
    change.refresh_from_db()
    logger.info("%s", change)
    return change


def rollback_change(show: Show | None = None) -> ModelChange:
    """Abandon the interrupted change; without one, bring back what was in use before the live one.

    Contents that arrived since are encoded into the previous space first, while the other one
    answers; the next call resumes an interrupted rollback. Returns the change that ended. Raises
    what `claim_rollback`, `abandon_interrupted_change` and encoding raise.
    """
    if abandoned := abandon_interrupted_change():
        return abandoned
    change = claim_rollback()
    previous = ActiveModel(change.previous_preset, active_heads(change.previous_preset))
    progress = Progress(change, LEASE, show=show, held=held_for_rollback)

    def release(_: str = "") -> None:
        held_for_rollback(change).release(stage="")

    with claimed_run(held_for_rollback(change), LEASE, on_error=release, on_interrupt=release):
        ChangeRollback(change, previous, progress).run()
    change.refresh_from_db()
    return change


class ChangeRelease(ForwardRelease[ModelChange]):
    """Encodes every content for another model, and compares both models by the golden set.

    Its comparison comes after the build, because queries are answered from the new index. Products
    stay unmarked while the space is encoded first: marking them would put the whole catalogue into
    the delta of every reader of the space in use. From the stage "building" on, stored embeddings
    mark their products; what was stored before is in the build.
    """

    def __init__(
        self,
        change: ModelChange,
        current: ActiveModel,
        target: ActiveModel,
        golden: Sequence[EvaluationQuery],
        progress: Progress[ModelChange],
    ) -> None:
        super().__init__(change, target.space, change.previous_space, progress)
        self.current = current
        self.target = target
        self.golden = golden

    @property
    def live_rows(self) -> QuerySet[ModelChange]:
        """The change in use."""
        return ModelChange.objects.filter(state=ModelChangeState.LIVE)

    def fill(self) -> None:
        """Encode everything, then what workers stored during the change of stage."""
        encode_whole_space(self.target, self.progress, ModelChangeStage.ENCODING)
        encode_whole_space(self.target, self.progress, ModelChangeStage.BUILDING)

    def approve(self) -> bool:
        """Compare both models. Without approval, or in a dry run, the row ends."""
        self._compare()
        if not self.row.is_accepted and not self.row.forced:
            _end(self.row, ModelChangeState.REFUSED)
        elif self.row.dry_run:
            _end(self.row, ModelChangeState.TRIED)
        else:
            return True
        return False

    def catch_up(self) -> None:
        """Encode what arrived during the comparison."""
        encode_whole_space(self.target, self.progress, ModelChangeStage.COMPARING)

    def is_comparison_valid(self) -> bool:
        """Return whether no heads were tuned over either space since."""
        spaces = tuple(
            get_active_heads(base)[1] for base in (self.row.previous_base, self.row.base)
        )
        return spaces == (self.row.previous_space, self.row.space)

    @property
    def unused_spaces(self) -> Collection[str]:
        """Spaces of other presets than these two."""
        return find_unused_spaces({self.row.base, self.row.previous_base})

    def _compare(self) -> None:
        change, golden = self.row, load_golden_set(self.golden)
        change.golden_source = golden.source
        change.query_count, change.skipped_count = len(golden.queries), golden.skipped
        failed = IndexJob.objects.filter(space=self.space.fingerprint, state=JobState.FAILED)
        change.failed_count = failed.count()
        self.progress.begin(ModelChangeStage.COMPARING, len(golden.queries))
        if golden.queries:
            found = compare(golden, self.current, self.target, self.progress.advance)
            change.before, change.after, change.overlap = found.before, found.after, found.overlap
            change.gain = found.gain.value
            change.gain_low, change.gain_high = _bound(found.gain.low), _bound(found.gain.high)
        elif golden.source == GoldenSetSource.FILE:
            raise InputError("no golden-set query has a relevant product in this catalogue")
        self.progress.write()


class ChangeRollback(Rollback[ModelChange]):
    """Encodes what arrived since into the previous space.

    It leaves the space in use alone: the way back is open when its model cannot even be loaded.
    """

    def __init__(
        self, change: ModelChange, previous: ActiveModel, progress: Progress[ModelChange]
    ) -> None:
        super().__init__(change, previous.space, get_active_heads(change.base)[1])
        self.previous = previous
        self.progress = progress

    @property
    def live_rows(self) -> QuerySet[ModelChange]:
        """The change in use."""
        return ModelChange.objects.filter(state=ModelChangeState.LIVE)

    @property
    def ending_row(self) -> LeasedQuerySet[ModelChange]:
        """The change, as long as this process rolls it back."""
        return held_for_rollback(self.row)

    @property
    def ended_fields(self) -> dict[str, Any]:
        """Fields of a change that was rolled back."""
        return {"stage": "", "finished_at": timezone.now()}

    def fill(self) -> None:
        """Encode what the previous space lacks."""
        encode_whole_space(self.previous, self.progress, ModelChangeStage.ROLLING_BACK, alone=True)

    def catch_up(self) -> None:
        """Encode what arrived meanwhile."""
        self.fill()


def find_unused_spaces(used_bases: set[str]) -> set[str]:
    """Return the spaces of all presets, except those whose base space is in `used_bases`.

    Stored features stay: a way back to one of these presets projects them and decodes nothing.
    """
    changes = ModelChange.objects.exclude(base__in=used_bases)
    previous = ModelChange.objects.exclude(previous_base__in=used_bases)
    bases = {
        *changes.values_list("base", flat=True),
        *previous.values_list("previous_base", flat=True),
    }
    tuned = Tuning.objects.filter(base__in=bases).exclude(space="")
    return bases | set(tuned.values_list("space", flat=True))


def _end(change: ModelChange, state: ModelChangeState, error: str = "") -> None:
    if error:
        logger.warning("change of model %d failed: %s", change.pk, error)
    if end_release(change, state, error):
        drop_queued_jobs(change.space)


def _bound(value: float) -> float | None:
    """Return None for a single query, which has no interval."""
    return None if math.isnan(value) else value
