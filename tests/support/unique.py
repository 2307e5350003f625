"""No test is lost between collection and run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest


def refuse_shared_ids(items: Sequence[pytest.Item]) -> None:
    """Of several tests with one id pytest-xdist runs one, and says nothing of the others.

    Raises pytest.UsageError, which ends the run, naming the ids.
    """
    shared = [
        nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1
    ]
    if shared:
        raise pytest.UsageError(
            f"several tests share an id, and one of each would run: {', '.join(shared)}. Give every test its own id."
        )
