"""Requests to tune and to roll back. A worker executes both."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from search.config import engine_settings
from search.encoders.registry import resolve_space
from search.errors import InputError
from webapp.catalog.models import Tuning, TuningState
from webapp.catalog.models.tuning import UNFINISHED
from webapp.celery import ROLL_BACK_TUNING, TUNE, notify_worker


def create_tuning(
    *,
    preset: str,
    dry_run: bool = False,
    from_clicks: bool = False,
    user: User | None = None,
) -> Tuning:
    """Create a queued tuning; the caller claims and runs it.

    Raises InputError while another tuning of the preset is queued or running, UnknownPreset,
    WeightsMissing.
    """
    base = resolve_space(engine_settings().model_copy(update={"preset": preset})).fingerprint
    try:
        with transaction.atomic():
            return Tuning.objects.create(
                preset=preset, base=base, dry_run=dry_run, from_clicks=from_clicks, created_by=user
            )
    except IntegrityError as error:
        other = Tuning.objects.filter(preset=preset, state__in=UNFINISHED).first()
        raise InputError(
            "another tuning of this preset is under way",
            value=str(other),
            fix="Wait until it ends.",
        ) from error


def request_tuning(*, preset: str, dry_run: bool, from_clicks: bool, user: User | None) -> Tuning:
    """Create a tuning that a worker runs. Raises the same errors as `create_tuning`."""
    tuning = create_tuning(preset=preset, dry_run=dry_run, from_clicks=from_clicks, user=user)
    transaction.on_commit(lambda: notify_worker(TUNE, tuning.pk))
    return tuning


def request_rollback(*, tuning: Tuning) -> bool:
    """Ask a worker to roll back the live tuning. Return False if it is not live any more."""
    requested = Tuning.objects.filter(pk=tuning.pk, state=TuningState.LIVE).update(
        rollback_requested=True
    )
    transaction.on_commit(lambda: notify_worker(ROLL_BACK_TUNING))
    return bool(requested)
