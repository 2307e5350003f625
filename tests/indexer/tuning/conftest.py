"""An installation whose encoder has never learned what words mean, with a space of its own for
every test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from indexer.encoding.worker import EncodeWorker
from indexer.tuning import train
from search.encoders.protocol import TunableEncoder
from search.encoders.residual_heads import as_tunable
from search.tuning.fit import Recipe
from search.types import Modality, Space
from tests.support.encoders import ColourEncoder
from webapp.catalog.services import tunings
from webapp.retrieval import models_runtime


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[TunableEncoder]:
    """The configured preset of this process."""
    space = Space(
        "compact", uuid.uuid4().hex[:16], 48, frozenset({Modality.TEXT, Modality.PICTURE})
    )
    encoder = as_tunable(ColourEncoder(space, picture_batch_size=64))
    monkeypatch.setattr(models_runtime, "_watcher", models_runtime.ActiveModelWatcher())
    for module in (models_runtime, tunings):
        monkeypatch.setattr(module, "resolve_space", lambda settings: space)
    monkeypatch.setattr(models_runtime, "load_encoder", lambda settings: encoder)
    forget()
    yield encoder
    forget()


@pytest.fixture(autouse=True)
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train few and short epochs: colours are learned quickly."""
    recipe = Recipe(batch=64, epochs=20, patience=5, validation_share=0.1)
    monkeypatch.setattr(train, "make_tuning_recipe", lambda pictures: recipe)


def forget() -> None:
    models_runtime.base_space.cache_clear()
    models_runtime._encoders.clear()


def encode_all() -> None:
    EncodeWorker(models_runtime.active_model().encoder(), "here:1:1").run()


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch, colours: TunableEncoder) -> None:
    """Make the test fail when a picture is decoded."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(colours, "prepare_picture", refuse)
