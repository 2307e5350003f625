"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation

from tests.support.unique import refuse_shared_ids


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request leaves the language it was answered in active in its thread; the next test
    begins without one."""
    yield
    translation.deactivate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    refuse_shared_ids(items)
