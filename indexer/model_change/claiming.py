"""Who runs a change of model: one process at a time; what a dead one began, the next one goes on
with.
"""

from __future__ import annotations

import datetime

from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.utils import timezone

from indexer.leases.process_id import is_dead, this_process
from indexer.progress import held_by_this_process
from search.errors import InputError, Unavailable
from webapp.catalog.models import IndexJob, JobState, ModelChange, ModelChangeState
from webapp.catalog.selectors.spaces import get_live_change
from webapp.retrieval.models_runtime import ActiveModel, base_space

LEASE = datetime.timedelta(minutes=2)
"""Renewed by a heartbeat. After so long a silence another host may go on with a change."""

GIVEN_UP = "interrupted, and given up for another change"


def release_abandoned_changes() -> int:
    """Let go of what a process held that is gone, so that it can be gone on with. Returns how
    many.
    """
    running = ModelChange.objects.exclude(claimed_by="")
    dead = [owner for owner in running.values_list("claimed_by", flat=True) if is_dead(owner)]
    return running.filter(Q(lease_expires_at__lt=timezone.now()) | Q(claimed_by__in=dead)).update(
        claimed_by=""
    )


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
    values = {
        "dry_run": dry_run,
        "forced": forced,
        "previous": live,
        "previous_preset": current.preset,
        "previous_base": base_space(current.preset).fingerprint,
        "previous_space": current.space.fingerprint,
        "claimed_by": this_process(),
        "lease_expires_at": timezone.now() + LEASE,
    }
    if not interrupted.update(**values):
        _create(target, values)
    return ModelChange.objects.get(state=ModelChangeState.RUNNING, claimed_by=this_process())


def _create(target: ActiveModel, values: dict[str, object]) -> None:
    try:
        ModelChange.objects.create(
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
        "claimed_by": "",
        "finished_at": timezone.now(),
    }
    if held_by_this_process(change).update(**ended):
        _unqueue(change.space)


def _unqueue(space: str) -> None:
    """Nobody encodes into this space any more; the next change to it finds what is missing."""
    IndexJob.objects.filter(space=space, state=JobState.QUEUED).delete()
