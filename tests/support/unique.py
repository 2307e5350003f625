"""Refuse a run in which tests would be skipped silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest


def refuse_shared_ids(items: Sequence[pytest.Item]) -> None:
    """Raise pytest.UsageError, which ends the run, if several tests have the same id.

    pytest-xdist would run only one of them, without a message.
    """
    counts = Counter(item.nodeid for item in items)
    shared = [nodeid for nodeid, count in counts.items() if count > 1]
    if shared:
        raise pytest.UsageError(
            f"several tests share an id, and only one of each would run: {', '.join(shared)}. "
            "Give every test its own id."
        )
