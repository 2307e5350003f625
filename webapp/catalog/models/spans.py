"""The seconds of a clip's parts as stored: pairs of start and end, little-endian 32-bit floats."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from search.types import Span

STORED = np.dtype("<f4")
BYTES = 2 * STORED.itemsize
"""Per span."""


def spans_pack(spans: Iterable[Span]) -> bytes:
    """Convert spans to bytes; a whole text or picture has none."""
    return np.array([(span.start, span.end) for span in spans], STORED).tobytes()


def spans_unpack(stored: bytes) -> list[Span]:
    """Convert bytes to spans."""
    return [
        Span(float(start), float(end))
        for start, end in np.frombuffer(bytes(stored), STORED).reshape(-1, 2)
    ]


def span_at(stored: bytes, part: int) -> Span | None:
    """Return the span of a clip's part, counted from 1.

    None for number 0, which is the whole clip, and for a number that does not exist.
    """
    start = (part - 1) * BYTES
    return (
        spans_unpack(bytes(stored)[start : start + BYTES])[0] if 0 <= start < len(stored) else None
    )
