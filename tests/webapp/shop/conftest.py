"""Fixtures for tests of the shop's pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from tests.support.encoders import ColourEncoder
from webapp.retrieval import models_runtime


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings: Any) -> None:
    """Media and thumbnails of one test; static files from the sources, without a manifest."""
    settings.VAR_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    cache.clear()


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch, fresh_index: None) -> Iterator[ColourEncoder]:
    """The encoder of this process, with its own index that checks the database for every search."""
    encoder = ColourEncoder()
    watcher = models_runtime.IndexWatcher
    monkeypatch.setattr(models_runtime, "IndexWatcher", lambda index, poll_s: watcher(index, 0))
    monkeypatch.setattr(models_runtime, "resolve_space", lambda settings: encoder.space)
    monkeypatch.setattr(models_runtime, "load_encoder", lambda settings: encoder)
    _forget()
    yield encoder
    _forget()


def _forget() -> None:
    models_runtime.base_space.cache_clear()
    models_runtime._encoders.clear()
