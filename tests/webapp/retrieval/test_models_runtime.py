"""A process switches to the active tuning: encoder and index together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search.encoders.protocol import TunableEncoder
from search.encoders.residual_heads import as_tunable
from search.encoders.tuned_heads import save_tuned_heads
from search.errors import WeightsMissing
from tests.support.encoders import ColourEncoder
from webapp.catalog.models import Tuning, TuningState
from webapp.retrieval import models_runtime

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, fresh_index: None, tmp_path: Path) -> TunableEncoder:
    encoder = as_tunable(ColourEncoder())
    monkeypatch.setattr(models_runtime, "base_space", lambda preset: encoder.space)
    monkeypatch.setattr(models_runtime, "base_encoder", lambda preset: encoder)
    monkeypatch.setattr(models_runtime, "heads_folder", lambda: tmp_path / "heads")
    return encoder


def publish(own: TunableEncoder) -> Tuning:
    path = save_tuned_heads(
        models_runtime.heads_folder(),
        own.projection_heads,
        tower_id=own.tower_id,
        dim=own.space.dim,
        notes={},
    )
    return Tuning.objects.create(
        preset="colours", base=own.space.fingerprint, state=TuningState.LIVE, heads_digest=path.stem
    )


def test_a_request_keeps_its_model(own: TunableEncoder) -> None:
    held = models_runtime.active_model()
    held.query_encoder(), held.index()
    tuning = publish(own)
    followed = models_runtime.active_model()
    assert followed.space != held.space == own.space
    assert (
        followed.encoder().space
        == followed.query_encoder().space
        == followed.index().space
        == followed.space
    )
    assert held.query_encoder().space == held.index().space == own.space
    Tuning.objects.filter(pk=tuning.pk).update(state=TuningState.ROLLED_BACK)
    assert models_runtime.active_space() == own.space


def test_missing_heads_keep_the_previous_space_and_are_reported(
    own: TunableEncoder,
) -> None:
    models_runtime.query_encoder()
    publish(own)
    shutil.rmtree(models_runtime.heads_folder())
    assert models_runtime.active_space() == own.space
    assert "missing" in (models_runtime.index_status().fault or "")
    publish_again(own)
    assert (
        models_runtime.active_space() != own.space and models_runtime.index_status().fault is None
    )


def publish_again(own: TunableEncoder) -> None:
    save_tuned_heads(
        models_runtime.heads_folder(),
        own.projection_heads,
        tower_id=own.tower_id,
        dim=own.space.dim,
        notes={},
    )


def test_heads_that_are_missing_at_the_start_are_an_error(own: TunableEncoder) -> None:
    publish(own)
    shutil.rmtree(models_runtime.heads_folder())
    with pytest.raises(WeightsMissing):
        models_runtime.query_encoder()


def test_heads_of_previous_weights_are_not_used(own: TunableEncoder) -> None:
    tuning = publish(own)
    Tuning.objects.filter(pk=tuning.pk).update(base="former weights")
    assert models_runtime.active_space() == own.space
