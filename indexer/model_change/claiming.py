"""Which process runs a change of model: one at a time. A later one resumes an interrupted run."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from search.config import engine_settings
from search.errors import InputError, Unavailable
from webapp.catalog.models import (
    IndexJob,
    JobState,
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
)
from webapp.catalog.selectors.spaces import get_live_change
from webapp.leases.leased import LeasedQuerySet, lease_fields
from webapp.retrieval.models_runtime import ActiveModel, base_space

LEASE = datetime.timedelta(minutes=2)
"""A heartbeat renews it. After so long a silence another host may resume the change."""

ABANDONED = "interrupted, and abandoned for another change"


def release_abandoned_changes() -> int:
    """Release the changes of dead or silent processes, so that they can be resumed.

    Returns how many.
    """
    return ModelChange.objects.all().abandoned().release()


def claim_change(
    target: ActiveModel, current: ActiveModel, *, dry_run: bool, forced: bool
) -> ModelChange:
    """Claim the interrupted change to the space of `target`, or create one.

    An interrupted change to another space is abandoned. Raises InputError when the preset is
    in use already, Unavailable while another process runs a change.
    """
    if target.preset == current.preset:
        raise InputError(
            "this preset is in use already", value=target.preset, fix="See manage.py space status."
        )
    release_abandoned_changes()
    interrupted = ModelChange.objects.filter(state=ModelChangeState.RUNNING, claimed_by="")
    abandon_changes(interrupted.exclude(space=target.space.fingerprint))
    values: dict[str, Any] = {
        "dry_run": dry_run,
        "forced": forced,
        "previous": get_live_change(),
        "previous_preset": current.preset,
        "previous_base": base_space(current.preset).fingerprint,
        "previous_space": current.space.fingerprint,
    }
    if token := interrupted.claim(LEASE, **values):
        return ModelChange.objects.get(claim=token)
    return _create(target, values | lease_fields(LEASE))


def _create(target: ActiveModel, values: dict[str, Any]) -> ModelChange:
    try:
        return ModelChange.objects.create(
            preset=target.preset,
            base=base_space(target.preset).fingerprint,
            heads_digest=target.heads_digest,
            space=target.space.fingerprint,
            **values,
        )
    except IntegrityError as error:
        other = ModelChange.objects.filter(state=ModelChangeState.RUNNING).first()
        raise Unavailable(
            "another change of model is under way", value=str(other), fix="Wait for its end."
        ) from error


def claim_rollback() -> ModelChange:
    """Claim the live change, to take it back.

    Raises InputError when there is none, or when the configured preset is not the one before it;
    Unavailable while another process rolls it back.
    """
    change = get_live_change()
    if change is None:
        raise InputError("no change of model is in use", fix="See manage.py space status.")
    preset = change.previous_preset
    if change.previous_id is None and engine_settings().preset != preset:
        raise InputError(
            "the configured preset is not the one that was in use before",
            value=engine_settings().preset,
            fix=f"Set OMNISHELF_PRESET={preset} for every process, restart them, then roll back.",
        )
    free = ModelChange.objects.filter(pk=change.pk, state=ModelChangeState.LIVE, claimed_by="")
    if not free.claim(LEASE, stage=ModelChangeStage.ROLLING_BACK):
        raise Unavailable(
            "another process rolls this change back", value=str(change), fix="Wait for its end."
        )
    change.refresh_from_db()
    return change


def held_for_rollback(change: ModelChange) -> LeasedQuerySet[ModelChange]:
    """Return the query that finds the change as long as this process rolls it back."""
    return ModelChange.objects.filter(
        pk=change.pk, state=ModelChangeState.LIVE, stage=ModelChangeStage.ROLLING_BACK
    ).held(change.claim)


def abandon_interrupted_change() -> ModelChange | None:
    """End the interrupted change as failed. Return it, None when no change is running.

    Raises Unavailable while a process runs it.
    """
    release_abandoned_changes()
    running = ModelChange.objects.filter(state=ModelChangeState.RUNNING).first()
    if running is None:
        return None
    if not abandon_changes(ModelChange.objects.filter(pk=running.pk, claimed_by="")):
        raise Unavailable(
            "a change of model is under way", value=str(running), fix="Stop it first: Ctrl-C."
        )
    running.refresh_from_db()
    return running


def abandon_changes(interrupted: QuerySet[ModelChange]) -> int:
    """End interrupted changes as failed. Return how many.

    What they encoded stays, and the next change to the same preset uses it.
    """
    for space in interrupted.values_list("space", flat=True):
        drop_queued_jobs(space)
    return interrupted.update(
        state=ModelChangeState.FAILED, stage="", error=ABANDONED, finished_at=timezone.now()
    )


def drop_queued_jobs(space: str) -> None:
    """Delete what waits for a space that is not encoded further. The next change finds it again."""
    IndexJob.objects.filter(space=space, state=JobState.QUEUED).delete()
