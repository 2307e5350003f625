"""One change of model, from its claim to its end."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

from indexer.index.compaction import build_generation
from indexer.model_change.activate import swap
from indexer.model_change.backfill import backfill_space
from indexer.model_change.claiming import LEASE, claim_change, end_change
from indexer.model_change.compare import compare
from indexer.model_change.golden_set import golden_set
from indexer.model_change.preflight import check_target
from indexer.progress import Progress, held_by_this_process
from search.errors import InputError, OmnishelfError
from search.evaluation.folder import EvaluationQuery
from webapp.catalog.models import (
    GoldenSetSource,
    IndexJob,
    JobState,
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
)
from webapp.leases.heartbeat import heartbeat
from webapp.retrieval.models_runtime import ActiveModel, active_heads, wait_until_current

logger = logging.getLogger(__name__)

SAVED = (
    "failed_count", "golden_source", "query_count", "skipped_count", "before", "after", "gain", "gain_low", "gain_high", "overlap",
)  # fmt: skip

Show = Callable[[ModelChange], None]


def change_model(
    preset: str,
    *,
    golden: Sequence[EvaluationQuery] = (),
    force: bool = False,
    dry_run: bool = False,
    show: Show | None = None,
) -> ModelChange:
    """Make the space of a preset beside the one in use, compare both, and swap when the golden
    set is not worse.

    Whatever goes wrong, the space in use stays in use and the row says why; the error is raised
    again. A process that is stopped leaves the change interrupted: the same call goes on with
    it. Raises UnknownPreset and what `check_target` and `claim_change` raise before anything is
    written.
    """
    current, target = wait_until_current(), ActiveModel(preset, active_heads(preset))
    check_target(target)
    change = claim_change(target, current, dry_run=dry_run, forced=force)
    try:
        with heartbeat(held_by_this_process(change), LEASE):
            _run(change, current, target, golden, Progress(change, SAVED, show, lease=LEASE))
    except OmnishelfError as error:
        _fail(change, str(error))
        raise
    except Exception as error:
        _fail(change, f"{type(error).__name__}: {error}")
        raise
    except BaseException:
        held_by_this_process(change).release()
        raise
    change.refresh_from_db()
    logger.info("%s", change)
    return change


def _run(
    change: ModelChange,
    current: ActiveModel,
    target: ActiveModel,
    golden: Sequence[EvaluationQuery],
    progress: Progress[ModelChange],
) -> None:
    backfill_space(target, progress, ModelChangeStage.ENCODING)
    # From the stage's change on, what is encoded is told to readers; what was encoded before, the
    # build holds.
    backfill_space(target, progress, ModelChangeStage.BUILDING)
    progress.begin(ModelChangeStage.BUILDING, 1)
    build_generation(target.space)
    progress.advance()
    _judge(change, current, target, golden, progress)
    if not change.is_accepted and not change.forced:
        end_change(change, ModelChangeState.REFUSED)
    elif change.dry_run:
        end_change(change, ModelChangeState.TRIED)
    else:
        backfill_space(target, progress, ModelChangeStage.COMPARING)
        swap(change)


def _judge(
    change: ModelChange,
    current: ActiveModel,
    target: ActiveModel,
    given: Sequence[EvaluationQuery],
    progress: Progress[ModelChange],
) -> None:
    golden = golden_set(given)
    change.golden_source, change.query_count, change.skipped_count = (
        golden.kind,
        len(golden.questions),
        golden.skipped,
    )
    failed = IndexJob.objects.filter(space=target.space.fingerprint, state=JobState.FAILED)
    change.failed_count = failed.count()
    progress.begin(ModelChangeStage.COMPARING, len(golden.questions))
    if golden.questions:
        found = compare(golden, current, target, progress.advance)
        change.before, change.after, change.overlap = found.before, found.after, found.overlap
        change.gain, change.gain_low, change.gain_high = (
            found.gain.value,
            _bound(found.gain.low),
            _bound(found.gain.high),
        )
    elif golden.kind == GoldenSetSource.FILE:
        raise InputError(
            "no question of the golden set asks for a product that is here and visible"
        )
    progress.write()


def _bound(value: float) -> float | None:
    """One question alone has no interval."""
    return None if math.isnan(value) else value


def _fail(change: ModelChange, error: str) -> None:
    logger.warning("change of model %d failed: %s", change.pk, error)
    end_change(change, ModelChangeState.FAILED, error)
