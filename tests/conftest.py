"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation

from tests.support.unique import refuse_shared_ids


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Deactivate the language of a request, which stays active in the thread."""
    yield
    translation.deactivate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    refuse_shared_ids(items)
