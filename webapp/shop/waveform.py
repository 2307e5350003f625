"""A waveform as the path of a drawing: bars about a middle line."""

from __future__ import annotations

from collections.abc import Iterable

from search.types import Span

HEIGHT = 100
"""Of the drawing; it is as many units wide as it has bars."""

WIDTH = 240


def bars(peaks: bytes) -> str:
    """Loudness from 0 to 255 of each stretch → SVG path data; empty for no stretches."""
    step = WIDTH / len(peaks) if peaks else 0.0
    half = HEIGHT / 2
    tall = (max(1, round(peak / 255 * (half - 2))) for peak in peaks)
    return "".join(
        f"M{(number + 0.5) * step:g} {half - one:g}v{2 * one}" for number, one in enumerate(tall)
    )


def stretches(spans: Iterable[Span], seconds: float) -> tuple[tuple[float, float], ...]:
    """Start and width of these parts of a clip in units of the drawing; those that overlap
    become one.
    """
    joined: list[list[float]] = []
    for span in sorted(spans, key=lambda span: span.start) if seconds > 0 else ():
        if joined and span.start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], span.end)
        else:
            joined.append([span.start, span.end])
    unit = WIDTH / seconds if seconds > 0 else 0.0
    inside = [(start * unit, min(end * unit, WIDTH)) for start, end in joined]
    return tuple((round(start, 2), round(end - start, 2)) for start, end in inside if end > start)
