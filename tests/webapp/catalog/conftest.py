"""Catalogue files and media made on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.webapp.importing.catalogues import MediaFolder


@pytest.fixture
def media_root(tmp_path: Path, settings: Settings) -> Path:
    """Where this test's stored files lie."""
    settings.MEDIA_ROOT = tmp_path / "store"
    return tmp_path / "store"


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "catalogue")
