"""The clips of a product page: players, key frames, waveforms and the matches in them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from search.modalities import MODALITIES
from search.types import Modality, Span
from webapp.catalog.models import Asset, AssetKind
from webapp.catalog.selectors.clips import NOTHING, Preview, get_previews
from webapp.catalog.services.previews import SPECTROGRAM, SUBTITLES, frame_filename
from webapp.retrieval.clip_matches import ClipMatch, ClipTimeline
from webapp.shop.match_reasons import MIN_SHOWN_SCORE, label_at
from webapp.shop.media_files import INLINE_TYPES
from webapp.shop.result_links import preview_url
from webapp.shop.search_context import SearchContext
from webapp.shop.timecodes import (
    format_clock_within,
    format_seconds,
    format_spoken,
    media_fragment,
)

MAX_SCORE_GAP = 1.0
"""Matches are marked down to so many standard deviations below the best one of their clip."""

MAX_MARKED = 8
"""Only so many of the best matches are marked; with more of them, marks would say nothing."""

SAME_START_S = 0.01
"""Seconds in URLs are rounded."""

ANIMATIONS = frozenset({".gif", ".webp"})

WAVEFORM_WIDTH, WAVEFORM_HEIGHT = 240, 100
"""In units of the SVG."""


class PlaybackMode(enum.StrEnum):
    """How a browser can show a file."""

    PLAYER = "player"
    ANIMATION = "animation"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class ClipMarker:
    """A second of a clip to play from: a key frame, or a match that was heard or said."""

    second: str
    href: str
    time: str
    label: str
    icon: str = ""
    picture: str = ""
    marked: bool = False
    best: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """What the page shows of one clip.

    URLs are '' where there is no file. `start` is None without a query and without a match;
    `matches` are waveform intervals as (x, width), in units of the SVG.
    """

    asset: Asset
    mode: PlaybackMode
    start: float | None
    source: str
    poster: str
    frames: tuple[ClipMarker, ...]
    markers: tuple[ClipMarker, ...]
    seconds: float
    bars: str
    matches: tuple[tuple[float, float], ...]
    spectrogram: str
    subtitles: str

    @property
    def start_time(self) -> str:
        """The start as text; '' at the beginning of the clip."""
        if not self.start or self.start < 1:
            return ""
        return format_clock_within(self.start, self.seconds)

    @property
    def matches_subtitles(self) -> bool:
        return any(marker.icon == MODALITIES[Modality.TEXT].icon for marker in self.markers)


def build_clips(assets: Iterable[Asset], context: SearchContext) -> list[Clip]:
    """Return the clips that can be shown; unreadable ones are left out. One database query."""
    shown = list(assets)
    previews = get_previews({asset.content_hash for asset in shown})
    return [
        _build_clip(asset, previews.get(asset.content_hash) or NOTHING, context)
        for asset in shown
        if not _is_unreadable(asset, previews.get(asset.content_hash))
    ]


def _is_unreadable(asset: Asset, preview: Preview | None) -> bool:
    is_empty = preview is not None and not (preview.frames or preview.peaks)
    return bool(asset.error) and is_empty


def _build_clip(asset: Asset, preview: Preview, context: SearchContext) -> Clip:
    duration = preview.duration_s or asset.duration_s or 0.0
    matches = _best_matches([one for one in context.timelines if one.asset_id == asset.pk])
    start = context.start_of(asset.pk)
    if start is None and matches:
        start = max(matches, key=_score)[1].span.start
    digest = asset.content_hash
    frame = preview.frame_at(start or 0.0)
    has_spectrogram = asset.kind == AssetKind.AUDIO and preview.peaks
    heard = [match.span for modality, match in matches if modality is Modality.AUDIO]
    seen = [match.span for modality, match in matches if modality is Modality.VIDEO]
    return Clip(
        asset=asset,
        mode=_playback_mode(asset),
        start=start,
        source=asset.file.url + (media_fragment(start) if start else ""),
        poster="" if frame is None else preview_url(digest, frame_filename(frame)),
        frames=_frame_markers(asset, preview, seen, start),
        markers=_match_markers(asset, matches, start, duration),
        seconds=duration,
        bars=waveform_path(preview.peaks),
        matches=waveform_intervals(heard, duration),
        spectrogram=preview_url(digest, SPECTROGRAM) if has_spectrogram else "",
        subtitles=preview_url(digest, SUBTITLES) if preview.subtitled else "",
    )


def _playback_mode(asset: Asset) -> PlaybackMode:
    suffix = PurePosixPath(str(asset.file.name)).suffix
    if suffix in ANIMATIONS:
        return PlaybackMode.ANIMATION
    is_playable = INLINE_TYPES.get(suffix, "").startswith(("audio/", "video/"))
    return PlaybackMode.PLAYER if is_playable else PlaybackMode.DOWNLOAD


def _score(match: tuple[Modality, ClipMatch]) -> float:
    return match[1].standardised


def _best_matches(timelines: Sequence[ClipTimeline]) -> list[tuple[Modality, ClipMatch]]:
    """Return the best matches of a clip with their modality, in time order."""
    matches = [(timeline.modality, match) for timeline in timelines for match in timeline.matches]
    # Several views may show the same seconds: the best of them counts.
    by_span = {
        (modality, match.span): (modality, match) for modality, match in sorted(matches, key=_score)
    }
    ranked = sorted(by_span.values(), key=_score, reverse=True)
    if not ranked:
        return []
    min_score = max(MIN_SHOWN_SCORE, _score(ranked[0]) - MAX_SCORE_GAP)
    best = [match for match in ranked if _score(match) >= min_score][:MAX_MARKED]
    return sorted(best, key=lambda match: match[1].span.start)


def _frame_markers(
    asset: Asset, preview: Preview, seen: Iterable[Span], start: float | None
) -> tuple[ClipMarker, ...]:
    marked = {preview.frame_at(span.start) for span in seen}
    best = preview.frame_at(start) if start is not None else None
    return tuple(
        ClipMarker(
            second=format_seconds(span.start),
            href=asset.file.url + media_fragment(span.start),
            time=format_clock_within(span.start, preview.duration_s),
            label=format_spoken(span.start),
            picture=preview_url(asset.content_hash, frame_filename(number)),
            marked=number in marked,
            best=number in marked and number == best,
        )
        for number, span in enumerate(preview.frames)
    )


def _match_markers(
    asset: Asset,
    matches: Iterable[tuple[Modality, ClipMatch]],
    start: float | None,
    duration: float,
) -> tuple[ClipMarker, ...]:
    """Return the matches that were heard or said; seen ones are marked on their key frames."""
    markers = []
    for modality, match in matches:
        if modality is Modality.VIDEO:
            continue
        second = match.span.start
        time = format_clock_within(second, duration)
        markers.append(
            ClipMarker(
                second=format_seconds(second),
                href=asset.file.url + media_fragment(second),
                time=time,
                label=label_at(modality, time),
                icon=MODALITIES[modality].icon,
                marked=True,
                best=start is not None and abs(second - start) < SAME_START_S,
            )
        )
    return tuple(markers)


def waveform_path(peaks: bytes) -> str:
    """Return SVG path data: one bar per peak (loudness 0 to 255) about the middle line."""
    step = WAVEFORM_WIDTH / len(peaks) if peaks else 0.0
    middle = WAVEFORM_HEIGHT / 2
    heights = (max(1, round(peak / 255 * (middle - 2))) for peak in peaks)
    return "".join(
        f"M{(number + 0.5) * step:g} {middle - height:g}v{2 * height}"
        for number, height in enumerate(heights)
    )


def waveform_intervals(spans: Iterable[Span], duration: float) -> tuple[tuple[float, float], ...]:
    """Return (x, width) of these spans in units of the SVG; overlapping ones are merged."""
    if duration <= 0:
        return ()
    merged: list[list[float]] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], span.end)
        else:
            merged.append([span.start, span.end])
    unit = WAVEFORM_WIDTH / duration
    scaled = [(start * unit, min(end * unit, WAVEFORM_WIDTH)) for start, end in merged]
    return tuple((round(start, 2), round(end - start, 2)) for start, end in scaled if end > start)
