"""One tuning, from its claim to its end."""

from __future__ import annotations

import logging

import numpy as np
from django.utils import timezone

from indexer.progress import held_by_this_process
from indexer.tuning.claiming import INTERRUPTED, claim_tuning
from indexer.tuning.dataset import load_dataset
from indexer.tuning.evaluate import compute_metrics, gain
from indexer.tuning.features import compute_missing_features
from indexer.tuning.progress import Show, TuningProgress, make_tuning_progress
from indexer.tuning.publish import publish, roll_back
from indexer.tuning.towers import PresetTowers
from indexer.tuning.train import gather, keep, learn
from search.encoders.protocol import TunableEncoder
from search.errors import InputError, OmnishelfError
from webapp.catalog.models import Tuning, TuningState
from webapp.retrieval.models_runtime import heads_folder

logger = logging.getLogger(__name__)


def run_tuning(tuning_id: int, show: Show | None = None) -> Tuning | None:
    """Run a queued tuning to its end. None when another process has it.

    Whatever goes wrong, the heads in use stay in use and the row says why; the error is raised
    again.
    """
    tuning = claim_tuning(tuning_id)
    if tuning is None:
        return None
    try:
        _run(tuning, make_tuning_progress(tuning, show))
    except OmnishelfError as error:
        _fail(tuning, str(error))
        raise
    except BaseException as error:
        _fail(
            tuning,
            INTERRUPTED if not isinstance(error, Exception) else f"{type(error).__name__}: {error}",
        )
        raise
    tuning.refresh_from_db()
    logger.info("%s", tuning)
    return tuning


def rollback_tuning(preset: str) -> Tuning:
    """Bring back what was in use before the preset's live tuning. Returns the tuning taken back.

    Raises InputError when none is live.
    """
    towers = PresetTowers.of(preset)
    live = Tuning.objects.filter(base=towers.own.space.fingerprint, state=TuningState.LIVE).first()
    if live is None:
        raise InputError("no tuning of this preset is in use", value=preset)
    former = towers.under(live.previous.heads_digest if live.previous else "")
    roll_back(live, former)
    live.refresh_from_db()
    return live


def _run(tuning: Tuning, progress: TuningProgress) -> None:
    catalogue = load_dataset(from_clicks=tuning.from_clicks)
    towers = PresetTowers.of(tuning.preset)
    current = _compared_with(tuning, towers)
    tuning.decoded = compute_missing_features(
        current, busy_space=current.space.fingerprint, progress=progress
    )
    material = gather(catalogue, current, progress)
    tuning.pairs, tuning.held_out = len(material.pictures), len(material.catalogue.held_out)
    tuning.groups = len(np.unique(material.catalogue.groups))
    trial = material.trial()
    before = trial.judge(current)
    tuning.before = compute_metrics(before)
    fitted = learn(material, current, progress, heads_folder() / f"training-{tuning.preset}")
    heads = keep(fitted, current, heads_folder())
    tuned = towers.own.with_heads(heads)
    after = trial.judge(tuned)
    found = gain(before, after)
    tuning.after = compute_metrics(after)
    tuning.gain, tuning.gain_low, tuning.gain_high = found.value, found.low, found.high
    tuning.heads_digest, tuning.space = heads.stem, tuned.space.fingerprint
    progress.write()
    _decide(tuning, tuned, current.space.fingerprint, progress)


def _compared_with(tuning: Tuning, towers: PresetTowers) -> TunableEncoder:
    """The encoder in use, remembered as what a rollback goes back to."""
    tuning.previous = Tuning.objects.filter(base=tuning.base, state=TuningState.LIVE).first()
    held_by_this_process(tuning).update(previous=tuning.previous)
    return towers.under(tuning.previous.heads_digest if tuning.previous else "")


def _decide(tuning: Tuning, tuned: TunableEncoder, former: str, progress: TuningProgress) -> None:
    """Publish what is better by more than chance, and only that."""
    if not tuning.is_better:
        _end(tuning, TuningState.REJECTED)
    elif tuning.dry_run:
        _end(tuning, TuningState.TRIED)
    else:
        publish(tuning, tuned, former, progress)


def _end(tuning: Tuning, state: TuningState, error: str = "") -> None:
    held_by_this_process(tuning).update(
        state=state, stage="", error=error[:1000], finished_at=timezone.now()
    )


def _fail(tuning: Tuning, error: str) -> None:
    logger.warning("tuning %d failed: %s", tuning.pk, error)
    _end(tuning, TuningState.FAILED, error)
