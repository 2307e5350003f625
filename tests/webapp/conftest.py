"""Fixtures for tests of the web application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.audio_encoder import ToneEncoder
from tests.webapp.importing.catalogues import MediaFolder
from webapp.retrieval import models_runtime


@pytest.fixture
def media_root(tmp_path: Path, settings: Any) -> Path:
    """Return the folder in which this test stores files."""
    settings.MEDIA_ROOT = tmp_path / "store"
    return tmp_path / "store"


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "catalogue")


@pytest.fixture
def fresh_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader without memory of earlier tests, over an index folder of its own."""
    monkeypatch.setattr("search.vectors.backends.index_root", lambda settings: tmp_path / "index")
    monkeypatch.setattr(models_runtime, "_watcher", models_runtime.ActiveModelWatcher())


@pytest.fixture
def audio_encoder(
    fresh_index: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> Iterator[ToneEncoder]:
    """The configured preset of this process supports audio."""
    settings.MEDIA_ROOT = tmp_path / "media"
    encoder = ToneEncoder("compact")
    monkeypatch.setattr(models_runtime, "resolve_space", lambda settings: encoder.space)
    monkeypatch.setattr(models_runtime, "load_encoder", lambda settings: encoder)
    models_runtime.base_space.cache_clear()
    models_runtime._encoders.clear()
    yield encoder
    models_runtime.base_space.cache_clear()
    models_runtime._encoders.clear()
