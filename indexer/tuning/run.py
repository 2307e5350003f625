"""One tuning, from its claim to its end, and its rollback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from django.db.models import QuerySet

from indexer.model_release.fill import project_space
from indexer.model_release.progress import Progress, held_row
from indexer.model_release.release import (
    ForwardRelease,
    ModelRelease,
    Rollback,
    claimed_run,
    end_release,
)
from indexer.tuning.claiming import INTERRUPTED, LEASE, claim_tuning
from indexer.tuning.dataset import load_dataset
from indexer.tuning.evaluate import compute_metrics, estimate_gain
from indexer.tuning.features import compute_missing_features
from indexer.tuning.train import load_training_data, save_heads, train_heads
from search.encoders.protocol import TunableEncoder
from search.errors import InputError
from webapp.catalog.models import Tuning, TuningState
from webapp.catalog.selectors.spaces import get_active_preset
from webapp.leases.leased import LeasedQuerySet
from webapp.retrieval.models_runtime import base_encoder, heads_folder, heads_path

logger = logging.getLogger(__name__)

SAVED = (
    "pairs",
    "groups",
    "held_out",
    "decoded",
    "before",
    "after",
    "gain",
    "gain_low",
    "gain_high",
    "heads_digest",
    "space",
)
"""Fields of the row that are written with its progress."""


def run_tuning(tuning_id: int, show: Callable[[Tuning], None] | None = None) -> Tuning | None:
    """Run a queued tuning to its end. Return None when another process has it.

    On an error the heads in use stay in use, the row records the error, and the error is raised
    again.
    """
    tuning = claim_tuning(tuning_id)
    if tuning is None:
        return None

    def fail(error: str = INTERRUPTED) -> None:
        logger.warning("tuning %d failed: %s", tuning_id, error)
        end_release(tuning, TuningState.FAILED, error)

    with claimed_run(held_row(tuning), LEASE, on_error=fail, on_interrupt=fail):
        _run(tuning, Progress(tuning, LEASE, SAVED, show))
    tuning.refresh_from_db()
    logger.info("%s", tuning)
    return tuning


def rollback_tuning(preset: str) -> Tuning:
    """Bring back what was in use before the preset's live tuning. Return the one rolled back.

    Raises InputError when none is live.
    """
    own = base_encoder(preset)
    live = Tuning.objects.filter(base=own.space.fingerprint, state=TuningState.LIVE).first()
    if live is None:
        raise InputError("no tuning of this preset is in use", value=preset)
    TuningRollback(live, _with_heads_of(own, live.previous)).run()
    live.refresh_from_db()
    return live


def _run(tuning: Tuning, progress: Progress[Tuning]) -> None:
    """Train heads and release them when they are better.

    1. Remember the heads in use: they are compared with, and a rollback returns to them.
    2. Read the pairs of picture and text from the catalogue; compute features that are missing.
    3. Measure the heads in use on held-out products, train new ones, measure those.
    4. Better by more than chance: release the new space. Otherwise, or in a dry run, end here.
    """
    dataset = load_dataset(from_clicks=tuning.from_clicks)
    own = base_encoder(tuning.preset)
    tuning.previous = Tuning.objects.filter(base=tuning.base, state=TuningState.LIVE).first()
    held_row(tuning).update(previous=tuning.previous)
    current = _with_heads_of(own, tuning.previous)
    tuning.decoded = compute_missing_features(
        current, busy_space=current.space.fingerprint, progress=progress
    )

    data = load_training_data(dataset, current, progress)
    tuning.pairs, tuning.held_out = len(data.pictures), len(data.dataset.held_out)
    tuning.groups = len(np.unique(data.dataset.groups))
    holdout = data.make_holdout_eval()
    before = holdout.evaluate(current)
    tuning.before = compute_metrics(before)
    fitted = train_heads(data, current, progress, heads_folder() / f"training-{tuning.preset}")
    heads = save_heads(fitted, current, heads_folder())
    tuned = own.with_heads(heads)
    after = holdout.evaluate(tuned)
    gain = estimate_gain(before, after)
    tuning.after = compute_metrics(after)
    tuning.gain, tuning.gain_low, tuning.gain_high = gain.value, gain.low, gain.high
    tuning.heads_digest, tuning.space = heads.stem, tuned.space.fingerprint
    progress.write()

    if not tuning.is_better:
        end_release(tuning, TuningState.REJECTED)
    elif tuning.dry_run:
        end_release(tuning, TuningState.TRIED)
    else:
        TuningRelease(tuning, tuned, current.space.fingerprint, progress).run()


def _with_heads_of(own: TunableEncoder, tuning: Tuning | None) -> TunableEncoder:
    """Return the encoder under the heads of a tuning, under its own without one.

    Raises WeightsMissing and InvalidWeights.
    """
    return own.with_heads(heads_path(tuning.heads_digest)) if tuning else own


class _Projection(ModelRelease[Tuning]):
    """What a release and a rollback of a tuning share: the space is projected, not encoded."""

    encoder: TunableEncoder

    @property
    def live_rows(self) -> QuerySet[Tuning]:
        """The live tuning over the same weights of the preset."""
        return Tuning.objects.filter(base=self.row.base, state=TuningState.LIVE)

    def catch_up(self) -> None:
        """Project what arrived, and announce it to readers of the generation."""
        project_space(self.encoder, mark_changed=True)

    def update_jobs(self) -> None:
        """Project what arrived in the outgoing space at the very end, and move its jobs.

        The space of a preset that is not in use has no jobs.
        """
        self.catch_up()
        if self.row.preset == get_active_preset():
            super().update_jobs()


class TuningRelease(_Projection, ForwardRelease[Tuning]):
    """Projects stored features through tuned heads. The heads were measured before."""

    def __init__(
        self, tuning: Tuning, encoder: TunableEncoder, outgoing: str, progress: Progress[Tuning]
    ) -> None:
        super().__init__(tuning, encoder.space, outgoing, progress)
        self.encoder = encoder

    def fill(self) -> None:
        """Project every stored feature."""
        project_space(self.encoder, mark_changed=False, progress=self.progress)

    @property
    def retired_rows(self) -> QuerySet[Tuning]:
        """The live tuning of the preset, also over earlier weights."""
        return Tuning.objects.filter(preset=self.row.preset, state=TuningState.LIVE)

    @property
    def unused_spaces(self) -> Collection[str]:
        """Spaces of earlier tunings of the preset."""
        kept = {self.outgoing, self.space.fingerprint, self.row.base}
        return find_unused_tuned_spaces(self.row.preset, kept)


class TuningRollback(_Projection, Rollback[Tuning]):
    """Projects what arrived since into the space of the previous heads."""

    def __init__(self, tuning: Tuning, encoder: TunableEncoder) -> None:
        super().__init__(tuning, encoder.space, tuning.space)
        self.encoder = encoder

    @property
    def ending_row(self) -> LeasedQuerySet[Tuning]:
        """The live tuning: no process claims it for a rollback, which is short."""
        return Tuning.objects.filter(pk=self.row.pk, state=TuningState.LIVE)

    @property
    def ended_fields(self) -> dict[str, Any]:
        """Fields of a tuning that was rolled back."""
        return {"rollback_requested": False}

    def fill(self) -> None:
        """Project what the previous space lacks."""
        self.catch_up()


def find_unused_tuned_spaces(preset: str, kept: Collection[str]) -> set[str]:
    """Return the spaces of a preset's tunings without those `kept`.

    The files of their heads stay: a way back to one of them projects and builds again.
    """
    tuned = Tuning.objects.filter(preset=preset).exclude(space="")
    return set(tuned.values_list("space", flat=True)) - set(kept)
