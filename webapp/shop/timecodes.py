"""Seconds of a clip as shoppers read and hear them."""

from __future__ import annotations

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

SHORT_S = 10.0
"""Moments of a clip shorter than this are told apart by tenths of a second."""


def clock(seconds: float) -> str:
    """72.9 → '1:12', as players show it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock_within(seconds: float, length: float) -> str:
    """The same in a clip of this length: 2.46 → '0:02.4' in a short one."""
    return (
        f"{clock(seconds)}.{int(seconds * 10 + 1e-6) % 10}"
        if 0 < length < SHORT_S
        else clock(seconds)
    )


def spoken_clock(seconds: float) -> str:
    """72.9 → '1 minute 12 seconds', for whoever listens to the page."""
    minutes, rest = divmod(int(seconds), 60)
    spoken = ngettext("%(count)d second", "%(count)d seconds", rest) % {"count": rest}
    if not minutes:
        return spoken
    whole = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("%(minutes)s %(seconds)s") % {"minutes": whole, "seconds": spoken} if rest else whole


def written(seconds: float) -> str:
    """12.2501 → '12.251': rounded up, for a moment earlier a player shows the scene before."""
    return f"{math.ceil(seconds * 1000 - 0.01) / 1000:.3f}".rstrip("0").rstrip(".")


def fragment(seconds: float) -> str:
    """'#t=12.25': where a player begins (https://www.w3.org/TR/media-frags/#naming-time)."""
    return f"#t={written(seconds)}"
