"""Folders that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
DATA = ROOT.parent / "shared" / "data"
"""The development data beside the checkout; tests skip without it."""
