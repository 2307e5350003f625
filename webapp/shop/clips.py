"""The clips of a product page: each with its player at the right second, and what there is to
see of it beside it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from search.types import Modality
from webapp.catalog.models import Asset, AssetKind
from webapp.catalog.selectors.previews import NOTHING, Preview, get_previews
from webapp.catalog.services.previews import SPECTROGRAM, SUBTITLES, frame_filename
from webapp.retrieval.clip_matches import ClipMatch, ClipTimeline
from webapp.shop.match_reasons import ICONS, LEAST_SHOWN, found_at
from webapp.shop.media_types import SHOWN_INLINE
from webapp.shop.result_links import preview_url
from webapp.shop.search_context import Asked
from webapp.shop.timecodes import clock_within, fragment, spoken_clock, written
from webapp.shop.waveform import bars, stretches

NEAR_BEST = 1.0
"""Moments of a clip are marked down to so many standard deviations below its best one."""

MOST_MARKED = 8
"""The best moments that are marked; more of them would mark nothing."""

SAME_S = 0.01
"""Seconds in addresses are rounded."""

ANIMATIONS = frozenset({".gif", ".webp"})


class Way(enum.StrEnum):
    """How a browser can show a file."""

    PLAYER = "player"
    ANIMATION = "animation"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Place:
    """A second of a clip to go to: a key frame with its picture, or a moment that was heard or
    said.
    """

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
    """What the page shows of one clip. Addresses are empty where there is nothing; seconds are
    None where nothing was asked, or nothing answers.
    """

    asset: Asset
    way: Way
    start: float | None
    source: str
    poster: str
    frames: tuple[Place, ...]
    places: tuple[Place, ...]
    seconds: float
    bars: str
    stretches: tuple[tuple[float, float], ...]
    spectrogram: str
    subtitles: str

    @property
    def start_time(self) -> str:
        """Empty where it stands at the beginning."""
        return clock_within(self.start, self.seconds) if self.start and self.start >= 1 else ""

    @property
    def answers_in_words(self) -> bool:
        return any(place.icon == ICONS[Modality.TEXT] for place in self.places)


def clips_of(assets: Iterable[Asset], asked: Asked) -> list[Clip]:
    """The clips that can be shown; one that nothing can be read of is left out. One query."""
    found = list(assets)
    previews = get_previews({asset.content_hash for asset in found})
    clips = (_clip(asset, previews.get(asset.content_hash), asked) for asset in found)
    return [clip for clip in clips if clip]


def _clip(asset: Asset, preview: Preview | None, asked: Asked) -> Clip | None:
    if asset.error and preview is not None and not (preview.frames or preview.peaks):
        return None
    shown = preview or NOTHING
    seconds = shown.duration_s or asset.duration_s or 0.0
    marked = _marked([timeline for timeline in asked.timelines if timeline.asset_id == asset.pk])
    start = asked.start_of(asset.pk)
    if start is None and marked:
        start = max(marked, key=lambda found: found[1].standardised)[1].span.start
    digest = asset.content_hash
    frame = shown.frame_at(start or 0.0)
    heard = [moment.span for modality, moment in marked if modality is Modality.AUDIO]
    return Clip(
        asset=asset,
        way=_way(asset),
        start=start,
        source=asset.file.url + (fragment(start) if start else ""),
        poster="" if frame is None else preview_url(digest, frame_filename(frame)),
        frames=_frames(
            asset,
            shown,
            [moment for modality, moment in marked if modality is Modality.VIDEO],
            start,
        ),
        places=_places(asset, marked, start, seconds),
        seconds=seconds,
        bars=bars(shown.peaks),
        stretches=stretches(heard, seconds),
        spectrogram=preview_url(digest, SPECTROGRAM)
        if asset.kind == AssetKind.AUDIO and shown.peaks
        else "",
        subtitles=preview_url(digest, SUBTITLES) if shown.subtitled else "",
    )


def _way(asset: Asset) -> Way:
    suffix = PurePosixPath(asset.file.name).suffix
    if suffix in ANIMATIONS:
        return Way.ANIMATION
    return (
        Way.PLAYER
        if SHOWN_INLINE.get(suffix, "").startswith(("audio/", "video/"))
        else Way.DOWNLOAD
    )


def _marked(timelines: Sequence[ClipTimeline]) -> list[tuple[Modality, ClipMatch]]:
    """The moments of a clip that answer the question, in their order."""
    moments = [(timeline.modality, moment) for timeline in timelines for moment in timeline.matches]
    # Several views may show the same seconds: the best of them counts.
    worst_first = sorted(moments, key=lambda found: found[1].standardised)
    ranked = list(
        {(modality, moment.span): (modality, moment) for modality, moment in worst_first}.values()
    )
    ranked.sort(key=lambda found: -found[1].standardised)
    if not ranked:
        return []
    least = max(LEAST_SHOWN, ranked[0][1].standardised - NEAR_BEST)
    best = [found for found in ranked if found[1].standardised >= least][:MOST_MARKED]
    return sorted(best, key=lambda found: found[1].span.start)


def _frames(
    asset: Asset, preview: Preview, seen: Sequence[ClipMatch], start: float | None
) -> tuple[Place, ...]:
    marked = {preview.frame_at(moment.span.start) for moment in seen}
    best = preview.frame_at(start) if start is not None else None
    return tuple(
        Place(
            second=written(span.start),
            href=asset.file.url + fragment(span.start),
            time=clock_within(span.start, preview.duration_s),
            label=spoken_clock(span.start),
            picture=preview_url(asset.content_hash, frame_filename(number)),
            marked=number in marked,
            best=number in marked and number == best,
        )
        for number, span in enumerate(preview.frames)
    )


def _places(
    asset: Asset, marked: Sequence[tuple[Modality, ClipMatch]], start: float | None, seconds: float
) -> tuple[Place, ...]:
    """Moments that were heard or said; those that were seen are key frames."""
    return tuple(
        Place(
            second=written(moment.span.start),
            href=asset.file.url + fragment(moment.span.start),
            time=(time := clock_within(moment.span.start, seconds)),
            label=found_at(modality, time),
            icon=ICONS[modality],
            marked=True,
            best=start is not None and abs(moment.span.start - start) < SAME_S,
        )
        for modality, moment in marked
        if modality is not Modality.VIDEO
    )
