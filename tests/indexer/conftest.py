"""Fixtures for tests of the background work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.encoders import ColourEncoder


@pytest.fixture(autouse=True)
def media_root(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture
def encoder() -> ColourEncoder:
    return ColourEncoder()
