"""Which model is in use, and which spaces are kept complete beside its own."""

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
"""For so long after a swap a process may still take the former space for the one in use."""


@dataclass(frozen=True, slots=True)
class PendingSpace:
    """A space that is being made complete while another one is in use."""

    preset: str
    heads_digest: str
    fingerprint: str


def get_live_change() -> ModelChange | None:
    """The change of model that is in use."""
    return ModelChange.objects.filter(state=ModelChangeState.LIVE).first()


def get_active_preset() -> str:
    """The preset that a change of model brought into use, else the configured one."""
    live = (
        ModelChange.objects.filter(state=ModelChangeState.LIVE)
        .values_list("preset", flat=True)
        .first()
    )
    return live or engine_settings().preset


def pending_spaces() -> list[PendingSpace]:
    """What workers encode into besides the space in use, which goes first."""
    taken_back = Q(state=ModelChangeState.LIVE, stage=ModelChangeStage.ROLLING_BACK)
    return [
        PendingSpace(change.previous_preset, *get_active_heads(change.previous_base))
        if change.state == ModelChangeState.LIVE
        else PendingSpace(change.preset, change.heads_digest, change.space)
        for change in ModelChange.objects.filter(Q(state=ModelChangeState.RUNNING) | taken_back)
    ]


def get_active_heads(base: str) -> tuple[str, str]:
    """Checksum of the tuned heads in use over a preset's own space, and the space they make; ''
    and `base` for none.
    """
    live = Tuning.objects.filter(base=base, state=TuningState.LIVE)
    return live.values_list("heads_digest", "space").first() or ("", base)


def list_encoding_spaces() -> Iterator[str]:
    """Fingerprints of the spaces into which new contents are queued, whatever a process takes
    for the one in use.
    """
    yield from (beside.fingerprint for beside in pending_spaces())
    swapped = ModelChange.objects.filter(finished_at__gt=timezone.now() - SWITCH_GRACE_PERIOD)
    yield from swapped.filter(state=ModelChangeState.LIVE).values_list("space", flat=True)
    yield from swapped.filter(state=ModelChangeState.ROLLED_BACK).values_list(
        "previous_space", flat=True
    )


def is_offline_space(space: str) -> bool:
    """May products stay untouched when a content of theirs is encoded into this space? As long
    as no generation of it is begun: that one will hold everything, and readers of the space in
    use need not hear of it.
    """
    running = ModelChange.objects.filter(
        state=ModelChangeState.RUNNING, stage=ModelChangeStage.ENCODING, space=space
    )
    return running.exists()
