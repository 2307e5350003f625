"""Who runs a change of model: one process at a time; what a dead one began, the next one goes on
with.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from indexer.progress import held_by_this_process
from search.errors import InputError, Unavailable
from webapp.catalog.models import IndexJob, JobState, ModelChange, ModelChangeState
from webapp.catalog.selectors.spaces import get_live_change
from webapp.leases.leased import lease_fields
from webapp.retrieval.models_runtime import ActiveModel, base_space

LEASE = datetime.timedelta(minutes=2)
"""Renewed by a heartbeat. After so long a silence another host may go on with a change."""

GIVEN_UP = "interrupted, and given up for another change"


def release_abandoned_changes() -> int:
    """Let go of what a process held that is gone, so that it can be gone on with. Returns how
    many.
    """
    return ModelChange.objects.abandoned().release()


def claim_change(
    target: ActiveModel, current: ActiveModel, *, dry_run: bool, forced: bool
) -> ModelChange:
    """The interrupted change to this space, or a new one, as this process's. One to another
    space is given up.

    Raises InputError when the preset is in use already, Unavailable while another process runs a
    change.
    """
    if target.preset == current.preset:
        raise InputError(
            "this preset is in use already", value=target.preset, fix="See manage.py space status."
        )
    release_abandoned_changes()
    interrupted = ModelChange.objects.filter(state=ModelChangeState.RUNNING, claimed_by="")
    abandon_changes(interrupted.exclude(space=target.space.fingerprint))
    live = get_live_change()
    values: dict[str, Any] = {
        "dry_run": dry_run,
        "forced": forced,
        "previous": live,
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


def abandon_changes(interrupted: QuerySet[ModelChange]) -> int:
    """Call interrupted changes failed. What they encoded stays and is used by the next change to
    that preset.
    """
    for space in interrupted.values_list("space", flat=True):
        _unqueue(space)
    return interrupted.update(
        state=ModelChangeState.FAILED, stage="", error=GIVEN_UP, finished_at=timezone.now()
    )


def end_change(change: ModelChange, state: ModelChangeState, error: str = "") -> None:
    """End a change that this process runs, without a swap."""
    ended = {
        "state": state,
        "stage": "",
        "error": error[:1000],
        "finished_at": timezone.now(),
    }
    if held_by_this_process(change).release(**ended):
        _unqueue(change.space)


def _unqueue(space: str) -> None:
    """Nobody encodes into this space any more; the next change to it finds what is missing."""
    IndexJob.objects.filter(space=space, state=JobState.QUEUED).delete()
