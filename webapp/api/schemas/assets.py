"""Assets of a product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from search.types import Span
from webapp.api.links import Links
from webapp.api.schemas.base import (
    ITSELF,
    ModalityName,
    ResponseSchema,
    Schema,
    Seconds,
    Source,
    Url,
)
from webapp.catalog.models import Asset, AssetKind
from webapp.catalog.selectors.clips import Preview
from webapp.catalog.services.previews import SPECTROGRAM, SUBTITLES, frame_filename


@dataclass(frozen=True, slots=True)
class AssetContext:
    """What the documents of assets need besides the assets: previews by content hash."""

    links: Links
    previews: Mapping[str, Preview]


class AssetPreview(NamedTuple):
    """The preview of an asset with its content hash, which names the files."""

    content_hash: str
    preview: Preview


class AssetForm(Schema):
    """Options that are sent with the media file `file`."""

    kind: Literal["", "picture", "audio", "video"] = Field(
        "", description="the kind that the file must have; empty: any"
    )


def _frames(clip: AssetPreview, context: AssetContext) -> list[tuple[Span, str]]:
    return [
        (span, context.links.preview(clip.content_hash, frame_filename(number)))
        for number, span in enumerate(clip.preview.frames)
    ]


def _spectrogram(clip: AssetPreview, context: AssetContext) -> str | None:
    if not clip.preview.peaks:
        return None
    return context.links.preview(clip.content_hash, SPECTROGRAM)


def _subtitles(clip: AssetPreview, context: AssetContext) -> str | None:
    if not clip.preview.subtitled:
        return None
    return context.links.preview(clip.content_hash, SUBTITLES)


class FrameResponse(ResponseSchema):
    """A key frame, and the seconds of the clip that it represents."""

    start: Annotated[Seconds, Source(lambda frame, _context: frame[0].start)]
    end: Annotated[Seconds, Source(lambda frame, _context: frame[0].end)]
    url: Annotated[Url, Source(lambda frame, _context: frame[1])]


class PreviewResponse(ResponseSchema):
    """Files that a page can show beside the player of a clip."""

    frames: Annotated[list[FrameResponse], Source(_frames)] = Field(
        description="key frames in order of time; the first one can serve as a poster"
    )
    peaks: Annotated[list[int], Source(lambda clip, _context: list(clip.preview.peaks))] = Field(
        description="loudness from 0 to 255 of equal parts of the clip; empty if it is silent"
    )
    spectrogram: Annotated[Url | None, Source(_spectrogram)]
    subtitles: Annotated[Url | None, Source(_subtitles)] = Field(description="WebVTT")


def _file_url(asset: Asset, context: AssetContext) -> str | None:
    return None if asset.kind == AssetKind.TEXT else context.links.file(asset)


def _preview(asset: Asset, context: AssetContext) -> AssetPreview | None:
    preview = context.previews.get(asset.content_hash)
    return AssetPreview(asset.content_hash, preview) if preview else None


class AssetResponse(ResponseSchema):
    """A text or a media file of a product."""

    id: Annotated[int, Source("pk")]
    kind: ModalityName
    role: str = Field(description="title or description, for texts")
    url: Annotated[Url | None, Source(_file_url)] = Field(
        description="URL of the file; null for texts"
    )
    text: str
    content_hash: str
    position: int
    bytes: int
    width: int | None
    height: int | None
    seconds: Annotated[float | None, Source("duration_s")]
    fault: Annotated[str, Source("error")] = Field(
        description="why it could not be encoded; empty if there is no error"
    )
    preview: Annotated[PreviewResponse | None, Source(_preview)] = Field(
        description="of a clip; null until it is rendered"
    )


class AssetList(ResponseSchema):
    """All assets of a product."""

    items: Annotated[list[AssetResponse], ITSELF]
