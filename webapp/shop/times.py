"""Seconds of a clip as shoppers read and hear them."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def clock(seconds: float) -> str:
    """72.9 → '1:12', as players show it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spoken_clock(seconds: float) -> str:
    """72.9 → '1 minute 12 seconds', for whoever listens to the page."""
    minutes, rest = divmod(int(seconds), 60)
    spoken = ngettext("%(count)d second", "%(count)d seconds", rest) % {"count": rest}
    if not minutes:
        return spoken
    whole = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("%(minutes)s %(seconds)s") % {"minutes": whole, "seconds": spoken} if rest else whole


def fragment(seconds: float) -> str:
    """'#t=12.25': where a player begins (https://www.w3.org/TR/media-frags/#naming-time)."""
    return f"#t={seconds:.2f}".rstrip("0").rstrip(".")
