"""Limits of a catalogue file, generous for real catalogues and finite for broken ones."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Lengths in characters, sizes in bytes.

    `sheet_bytes` and `part_bytes` bound an unpacked XLSX sheet and any other part.
    """

    line: int = MEBIBYTE
    cell: int = 100_000
    columns: int = 300
    sheet_bytes: int = 1024 * MEBIBYTE
    part_bytes: int = 128 * MEBIBYTE
