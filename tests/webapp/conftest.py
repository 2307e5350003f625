"""Fixtures for tests of the web application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ears import HearingEncoder
from webapp.retrieval import runtime


@pytest.fixture
def fresh_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader without memory of earlier tests, over an index folder of its own."""
    monkeypatch.setattr("search.vectors.backends.index_root", lambda settings: tmp_path / "index")
    monkeypatch.setattr(runtime, "_following", runtime.Following())


@pytest.fixture
def ears(fresh_index: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> Iterator[HearingEncoder]:
    """The configured preset of this process hears."""
    settings.MEDIA_ROOT = tmp_path / "media"
    encoder = HearingEncoder("compact")
    monkeypatch.setattr(runtime, "space_of", lambda settings: encoder.space)
    monkeypatch.setattr(runtime, "load_encoder", lambda settings: encoder)
    runtime.own_space.cache_clear()
    runtime._encoders.clear()
    yield encoder
    runtime.own_space.cache_clear()
    runtime._encoders.clear()
