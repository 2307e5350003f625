"""The moment in which another space comes into use, forwards or back, and what is tidied up
behind it.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from indexer.progress import held_by_this_process
from indexer.reconcile import enqueue_missing_jobs
from indexer.tuning.publish import drop_space
from search.errors import Unavailable
from webapp.catalog.models import (
    IndexJob,
    JobState,
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
    Tuning,
)
from webapp.catalog.selectors.spaces import get_active_heads
from webapp.celery import ENCODE_QUEUED, notify_worker
from webapp.leases.leased import LeasedQuerySet

logger = logging.getLogger(__name__)

AGAIN = "Start it again: what is encoded stays."


def swap(change: ModelChange) -> None:
    """Bring the new space into use. Until this commits readers see nothing of it.

    Raises Unavailable when what it was compared with is not in use any more, or heads were tuned
    over it since.
    """
    with transaction.atomic():
        live = _live()
        spaces = get_active_heads(change.previous_base)[1], get_active_heads(change.base)[1]
        if (live and live.pk) != change.previous_id or spaces != (
            change.previous_space,
            change.space,
        ):
            raise Unavailable(
                "another space came into use meanwhile, so the comparison is void", fix=AGAIN
            )
        ModelChange.objects.filter(state=ModelChangeState.LIVE).update(
            state=ModelChangeState.RETIRED, stage=""
        )
        ended = {"stage": "", "finished_at": timezone.now()}
        if not held_by_this_process(change).release(state=ModelChangeState.LIVE, **ended):
            raise Unavailable("this change was given up while it ran", value=str(change), fix=AGAIN)
    _settle(change.space, change.previous_space)
    drop_unused_spaces(kept={change.base, change.previous_base})


def activate_previous(change: ModelChange, space: str) -> None:
    """Bring back what was in use before `change`, which is live; its space is `space`.

    Raises Unavailable when `change` is not this process's to take back any more.
    """
    with transaction.atomic():
        _live()
        ended = {"stage": "", "finished_at": timezone.now()}
        if not held_for_rollback(change).release(state=ModelChangeState.ROLLED_BACK, **ended):
            raise Unavailable("this change is not in use any more", value=str(change))
        if change.previous_id:
            ModelChange.objects.filter(pk=change.previous_id).update(state=ModelChangeState.LIVE)
    _settle(space, get_active_heads(change.base)[1])


def held_for_rollback(change: ModelChange) -> LeasedQuerySet[ModelChange]:
    """The row, as long as it is in use and this process takes it back."""
    return ModelChange.objects.filter(
        pk=change.pk,
        state=ModelChangeState.LIVE,
        stage=ModelChangeStage.ROLLING_BACK,
    ).held(change.claim)


def drop_unused_spaces(*, kept: set[str]) -> None:
    """Drop embeddings and indexes of presets that no rollback leads to, all but those whose own
    space is in `kept`.

    What their towers saw stays: going back to one of them projects it anew, and decodes nothing.
    """
    changes = ModelChange.objects.exclude(base__in=kept).values_list("base", flat=True)
    former = ModelChange.objects.exclude(previous_base__in=kept).values_list(
        "previous_base", flat=True
    )
    bases = set(changes) | set(former)
    tuned = Tuning.objects.filter(base__in=bases).exclude(space="").values_list("space", flat=True)
    try:
        for space in bases | set(tuned):
            drop_space(space)
    except Unavailable as error:
        logger.warning(
            "spaces that are not needed any more are dropped at the next change: %s", error
        )


def _live() -> ModelChange | None:
    return ModelChange.objects.select_for_update().filter(state=ModelChangeState.LIVE).first()


def _settle(space: str, former: str) -> None:
    """What arrived in the former space alone in the last moments, and what waits there to be
    encoded.
    """
    IndexJob.objects.filter(space=former, state=JobState.QUEUED).delete()
    if enqueue_missing_jobs(space=space):
        notify_worker(ENCODE_QUEUED)
    logger.info("space %s is in use instead of %s", space, former)
