"""Fixtures for tests of the web application."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapp.retrieval import runtime


@pytest.fixture
def fresh_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader without memory of earlier tests, over an index folder of its own."""
    monkeypatch.setattr("search.vectors.backends.index_root", lambda settings: tmp_path / "index")
    monkeypatch.setattr(runtime, "_following", runtime.Following())
