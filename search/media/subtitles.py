"""Subtitles of a clip as passages of plain text with their time spans."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from search.media.limits import ClipLimits
from search.media.sandbox.runner import detect_clip_format, run_in_sandbox
from search.types import Span

_MAX_CUES = 4000
_MAX_CUE_CHARACTERS = 500
_MAX_PASSAGES = 400
_PASSAGE_CHARACTERS = 160
"""Cues are joined up to this length: single lines of a dialogue say little."""

_PAUSE_S = 2.0
_MARKUP = re.compile(r"\\\{[^}]*\\\}|\{[^}]*\}|<[^>]*>|\\[Nnh]")
_SPACE = re.compile(r"\s+")

Cue = tuple[Span, str]


def read_subtitles(path: Path, limits: ClipLimits) -> list[Cue]:
    """Read the first text track (mov_text, SubRip, ASS, WebVTT) as passages without markup.

    Neighbouring cues are joined to passages of about 160 characters, at most 400 of them. A clip
    without a text track and an animated picture give none; a track that breaks off gives what
    could be read. Raises what `run_in_sandbox` raises.
    """
    if detect_clip_format(path, limits).pillow:
        return []
    options = {"max_cues": _MAX_CUES, "max_characters": _MAX_CUE_CHARACTERS}
    with closing(run_in_sandbox("subtitles", path, limits, **options)) as messages:
        cues = [_to_cue(message.header) for message in messages if "text" in message.header]
    passages = _join_cues((span, text) for span, text in cues if text)
    return list(passages)[:_MAX_PASSAGES]


def _to_cue(header: Mapping[str, Any]) -> Cue:
    span = Span(header["start"], max(header["start"], header["end"]))
    return span, strip_markup(header["text"])


def strip_markup(marked: str) -> str:
    """Return the text without tags of ASS and HTML, in one line."""
    return _SPACE.sub(" ", html.unescape(_MARKUP.sub(" ", marked))).strip()


def _join_cues(cues: Iterator[Cue]) -> Iterator[Cue]:
    """Join neighbouring cues until they are long enough; a pause separates them."""
    passage: Cue | None = None
    for span, text in cues:
        if passage is None:
            passage = span, text
            continue
        so_far, joined = passage
        if len(joined) < _PASSAGE_CHARACTERS and span.start - so_far.end <= _PAUSE_S:
            passage = Span(so_far.start, max(so_far.end, span.end)), f"{joined} {text}"
        else:
            yield passage
            passage = span, text
    if passage is not None:
        yield passage
