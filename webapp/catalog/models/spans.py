"""Seconds of a clip's parts, stored beside its vectors: pairs of start and end, little-endian
32-bit floats.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from search.types import Span

STORED = np.dtype("<f4")
BYTES = 2 * STORED.itemsize
"""Of one span."""


def spans_pack(spans: Iterable[Span]) -> bytes:
    """Spans → bytes; none for a whole text or picture."""
    return np.array([(span.start, span.end) for span in spans], STORED).tobytes()


def spans_unpack(stored: bytes) -> list[Span]:
    """What was packed."""
    return [
        Span(float(start), float(end))
        for start, end in np.frombuffer(bytes(stored), STORED).reshape(-1, 2)
    ]


def span_at(stored: bytes, part: int) -> Span | None:
    """The seconds of a clip's part, which are counted from 1; None for number 0, the whole, and
    for one not there.
    """
    start = (part - 1) * BYTES
    return (
        spans_unpack(bytes(stored)[start : start + BYTES])[0] if 0 <= start < len(stored) else None
    )
