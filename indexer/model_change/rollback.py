"""Taking back a change of model: the former space is completed first, then it is in use again."""

from __future__ import annotations

from collections.abc import Callable

from indexer.index.compaction import build_generation
from indexer.model_change.activate import activate_previous, held_for_rollback
from indexer.model_change.backfill import backfill_space
from indexer.model_change.claiming import LEASE, abandon_changes, release_abandoned_changes
from indexer.progress import Progress
from search.config import engine_settings
from search.errors import CorruptGeneration, InputError, NoGeneration, Unavailable
from search.types import Space
from search.vectors.backends import open_generations
from webapp.catalog.models import ModelChange, ModelChangeStage, ModelChangeState
from webapp.catalog.selectors.embeddings import count_changes_since
from webapp.catalog.selectors.spaces import get_live_change
from webapp.leases.heartbeat import heartbeat
from webapp.retrieval.models_runtime import ActiveModel, active_heads

Show = Callable[[ModelChange], None]


def rollback_change(show: Show | None = None) -> ModelChange:
    """Give up the interrupted change; where there is none, bring back what was in use before the
    live one.

    Contents that came since are encoded into the former space first, while the other one
    answers; stopped in the middle, the next call goes on. Returns the change taken back. Raises
    InputError when there is none or the configured preset is not the former one, Unavailable
    while another process works on a change, and what encoding raises.
    """
    release_abandoned_changes()
    if running := ModelChange.objects.filter(state=ModelChangeState.RUNNING).first():
        if not abandon_changes(ModelChange.objects.filter(pk=running.pk, claimed_by="")):
            raise Unavailable(
                "a change of model is under way", value=str(running), fix="Stop it first: Ctrl-C."
            )
        running.refresh_from_db()
        return running
    change = _claim()
    former = ActiveModel(change.previous_preset, active_heads(change.previous_preset))
    progress = Progress(change, show=show, held=held_for_rollback, lease=LEASE)
    try:
        with heartbeat(held_for_rollback(change), LEASE):
            # Alone: the way back must be open when the model in use cannot even be loaded.
            backfill_space(former, progress, ModelChangeStage.ROLLING_BACK, alone=True)
            _build_where_needed(former.space)
            backfill_space(former, progress, ModelChangeStage.ROLLING_BACK, alone=True)
            activate_previous(change, former.space.fingerprint)
    except BaseException:
        held_for_rollback(change).release(stage="")
        raise
    change.refresh_from_db()
    return change


def _claim() -> ModelChange:
    change = get_live_change()
    if change is None:
        raise InputError("no change of model is in use", fix="See manage.py space status.")
    if change.previous_id is None and engine_settings().preset != change.previous_preset:
        raise InputError(
            "the configured preset is not the one that was in use before",
            value=engine_settings().preset,
            fix=f"Set OMNISHELF_PRESET={change.previous_preset} for every process, restart them, and roll back then.",
        )
    free = ModelChange.objects.filter(pk=change.pk, state=ModelChangeState.LIVE, claimed_by="")
    if not free.claim(LEASE, stage=ModelChangeStage.ROLLING_BACK):
        raise Unavailable(
            "another process takes this change back", value=str(change), fix="Wait for its end."
        )
    change.refresh_from_db()
    return change


def _build_where_needed(space: Space) -> None:
    """Readers that come back must not carry more changes in memory than a compaction would have
    left them.
    """
    try:
        live = open_generations(engine_settings(), space).get_live()
    except (NoGeneration, CorruptGeneration):
        build_generation(space)
        return
    if count_changes_since(seq=live.seq) >= engine_settings().delta_compact_at:
        build_generation(space)
