"""Fixtures for tests of the web application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.retrieval import runtime


@pytest.fixture
def fresh_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader without memory of earlier tests, over an index folder of its own."""
    monkeypatch.setattr(runtime, "index_root", lambda settings: tmp_path / "index")
    runtime._fresh_index.cache_clear()
    yield
    runtime._fresh_index.cache_clear()
