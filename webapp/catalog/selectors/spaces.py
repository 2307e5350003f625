"""The active model, and the spaces that new contents are encoded into."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from search.config import engine_settings
from webapp.catalog.models import (
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
    Tuning,
    TuningState,
)

SWITCH_GRACE_PERIOD = datetime.timedelta(minutes=1)
"""A process may still use the previous space for this long after a switch."""


@dataclass(frozen=True, slots=True)
class PendingSpace:
    """A space that is being filled while another one is in use."""

    preset: str
    heads_digest: str
    fingerprint: str


def get_live_change() -> ModelChange | None:
    """Return the model change that is in use."""
    return ModelChange.objects.filter(state=ModelChangeState.LIVE).first()


def get_active_preset() -> str:
    """Return the preset of the live model change, else the configured one."""
    live = (
        ModelChange.objects.filter(state=ModelChangeState.LIVE)
        .values_list("preset", flat=True)
        .first()
    )
    return live or engine_settings().preset


def pending_spaces() -> list[PendingSpace]:
    """Return the spaces that workers encode into after the active one."""
    rolling_back = Q(state=ModelChangeState.LIVE, stage=ModelChangeStage.ROLLING_BACK)
    return [
        PendingSpace(change.previous_preset, *get_active_heads(change.previous_base))
        if change.state == ModelChangeState.LIVE
        else PendingSpace(change.preset, change.heads_digest, change.space)
        for change in ModelChange.objects.filter(Q(state=ModelChangeState.RUNNING) | rolling_back)
    ]


def get_active_heads(base: str) -> tuple[str, str]:
    """Return the checksum of the active tuned heads over a base space, and their space.

    Without tuned heads it is '' and `base`.
    """
    live = Tuning.objects.filter(base=base, state=TuningState.LIVE)
    return live.values_list("heads_digest", "space").first() or ("", base)


def list_encoding_spaces() -> Iterator[str]:
    """Yield the fingerprints of spaces that new contents are queued for, besides the active one.

    They are pending spaces, and spaces activated during the grace period, because this process
    may not know of the switch yet.
    """
    yield from (pending.fingerprint for pending in pending_spaces())
    switched = ModelChange.objects.filter(finished_at__gt=timezone.now() - SWITCH_GRACE_PERIOD)
    yield from switched.filter(state=ModelChangeState.LIVE).values_list("space", flat=True)
    yield from switched.filter(state=ModelChangeState.ROLLED_BACK).values_list(
        "previous_space", flat=True
    )


def is_offline_space(space: str) -> bool:
    """Return whether encoding into this space needs no change of products.

    That is so until its first generation is built: that one includes everything, and readers of
    the active space are not affected.
    """
    running = ModelChange.objects.filter(
        state=ModelChangeState.RUNNING, stage=ModelChangeStage.ENCODING, space=space
    )
    return running.exists()
