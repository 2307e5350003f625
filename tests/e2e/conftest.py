"""Installations that end-to-end tests run against: both set-ups of the product."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import Installation


@pytest.fixture(params=["embedded", "served"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """SQLite with the embedded broker, then PostgreSQL with Redis; the second only where their
    addresses are given.

    Long tests of what knows neither database nor broker take one of them, by indirect
    parametrisation.
    """
    database = broker = ""
    if request.param == "served":
        database = os.environ.get("OMNISHELF_TEST_DATABASE_URL", "")
        broker = os.environ.get("OMNISHELF_TEST_BROKER_URL", "")
        if not (database and broker):
            assert not os.environ.get("OMNISHELF_TEST_REQUIRE_ALL"), (
                "PostgreSQL and Redis are required"
            )
            pytest.skip(
                "set OMNISHELF_TEST_DATABASE_URL and OMNISHELF_TEST_BROKER_URL "
                "to test the served set-up"
            )
    with Installation(tmp_path, database, broker) as site:
        yield site
