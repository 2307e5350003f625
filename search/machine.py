"""What the machine offers this process."""

from __future__ import annotations

import os


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0))
