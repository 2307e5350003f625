"""Timecodes of clips: for players, for reading, and for screen readers."""

from __future__ import annotations

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

SHORT_CLIP_S = 10.0
"""Clocks of shorter clips show tenths of a second."""


def format_clock(seconds: float) -> str:
    """Return the time as players show it: 72.9 → '1:12'."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_clock_within(seconds: float, duration: float) -> str:
    """Return the time in a clip of this duration; short clips get tenths: 2.46 → '0:02.4'."""
    if not 0 < duration < SHORT_CLIP_S:
        return format_clock(seconds)
    return f"{format_clock(seconds)}.{int(seconds * 10 + 1e-6) % 10}"


def format_spoken(seconds: float) -> str:
    """Return the time for screen readers: 72.9 → '1 minute 12 seconds'."""
    minutes, rest = divmod(int(seconds), 60)
    short = ngettext("%(count)d second", "%(count)d seconds", rest) % {"count": rest}
    if not minutes:
        return short
    long = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("%(minutes)s %(seconds)s") % {"minutes": long, "seconds": short} if rest else long


def format_seconds(seconds: float) -> str:
    """Return seconds with milliseconds, rounded up: 12.2501 → '12.251'.

    A player that starts earlier still shows the scene before.
    """
    return f"{math.ceil(seconds * 1000 - 0.01) / 1000:.3f}".rstrip("0").rstrip(".")


def media_fragment(seconds: float) -> str:
    """Return the URL fragment at which a player starts: '#t=12.25'.

    See https://www.w3.org/TR/media-frags/#naming-time.
    """
    return f"#t={format_seconds(seconds)}"
