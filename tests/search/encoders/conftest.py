"""The real bundled encoder, loaded once for all tests of this folder."""

from __future__ import annotations

import pytest

from search.config import EngineSettings
from search.encoders.compact.engine import CompactEncoder, load
from search.encoders.presets import load_preset


@pytest.fixture(scope="session")
def compact() -> CompactEncoder:
    return load(load_preset("compact"), EngineSettings(device="cpu"))
