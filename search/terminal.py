"""Console for the tables that commands print."""

from __future__ import annotations

import sys

from rich.console import Console

WIDTH = 120


def make_console(width: int = WIDTH) -> Console:
    """Return a console on standard output, `width` characters wide unless it is a terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else width)
