"""Where commands print their tables."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH = 120


def output(width: int = WIDTH) -> Console:
    """Standard output, as wide as its terminal, or `width` characters where it is none."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else width)
