"""Subtitles of a clip as passages of plain text with their seconds, read in a limited child
process.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from search.media.clip_limits import ClipLimits
from search.media.sandbox.runner import ask_child, clip_format
from search.types import Span

_MOST_CUES = 4000
_LONGEST_CUE = 500
_MOST_PASSAGES = 400
_PASSAGE = 160
"""Characters that are enough for one passage: lines of a dialogue say little by themselves."""

_PAUSE_S = 2.0
_MARKUP = re.compile(r"\\\{[^}]*\\\}|\{[^}]*\}|<[^>]*>|\\[Nnh]")
_SPACE = re.compile(r"\s+")

Cue = tuple[Span, str]


def subtitles(path: Path, limits: ClipLimits) -> list[Cue]:
    """The first track of a clip that is text (mov_text, SubRip, ASS, WebVTT): lines joined to
    passages of about 160 characters, without markup, at most 400; empty where there is none, and
    for a clip that is an animated picture.

    Raises what `search.media.sandbox.runner.ask_child` raises. A track that breaks off gives
    what it had.
    """
    if clip_format(path, limits).pillow:
        return []
    with closing(
        ask_child("subtitles", path, limits, most=_MOST_CUES, longest=_LONGEST_CUE)
    ) as messages:
        told = [message.header for message in messages if "text" in message.header]
    cues = (
        (Span(one["start"], max(one["start"], one["end"])), plain_text(one["text"])) for one in told
    )
    return list(_passages((span, text) for span, text in cues if text))[:_MOST_PASSAGES]


def plain_text(marked: str) -> str:
    """Text without the tags of ASS and HTML, in one line."""
    return _SPACE.sub(" ", html.unescape(_MARKUP.sub(" ", marked))).strip()


def _passages(cues: Iterator[Cue]) -> Iterator[Cue]:
    """Neighbouring cues joined until they are long enough; a pause parts them."""
    passage: Cue | None = None
    for span, text in cues:
        if passage is None:
            passage = span, text
            continue
        so_far, said = passage
        if len(said) < _PASSAGE and span.start - so_far.end <= _PAUSE_S:
            passage = Span(so_far.start, max(so_far.end, span.end)), f"{said} {text}"
        else:
            yield passage
            passage = span, text
    if passage is not None:
        yield passage
