"""Previews of clips: what pages show next to their players."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from search.types import Span
from webapp.catalog.models import Asset, AssetKind, ClipPreview
from webapp.catalog.models.spans import spans_unpack


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of one clip.

    `frames` are the time spans of its key frames, of which each has a picture. `peaks` is the
    loudness over `duration_s`, from 0 to 255, empty for a silent clip; other clips have a
    spectrogram too.
    """

    duration_s: float = 0.0
    frames: tuple[Span, ...] = ()
    peaks: bytes = b""
    subtitled: bool = False

    def frame_at(self, second: float) -> int | None:
        """Return the number of the key frame at this second.

        Between key frames it is the one before, at the beginning the first. None without frames.
        """
        within = [
            number for number, span in enumerate(self.frames) if span.start <= second < span.end
        ]
        before = [number for number, span in enumerate(self.frames) if span.start <= second]
        return (within or before[-1:] or [0])[0] if self.frames else None


NOTHING = Preview()


def get_previews(hashes: Collection[str]) -> dict[str, Preview]:
    """Return previews by content hash, with one query; those not made yet are absent."""
    if not hashes:
        return {}
    columns = ("content_hash", "duration_s", "spans", "peaks", "subtitled")
    rows = ClipPreview.objects.filter(content_hash__in=hashes, made_at__isnull=False).values_list(
        *columns
    )
    return {
        digest: Preview(seconds, tuple(spans_unpack(spans)), bytes(peaks), subtitled)
        for digest, seconds, spans, peaks, subtitled in rows
    }


def get_video_hashes(*, product_ids: Collection[int]) -> list[tuple[int, int, str]]:
    """Return (product id, asset id, content hash) of the products' videos, with one query."""
    if not product_ids:
        return []
    videos = Asset.objects.filter(product_id__in=product_ids, kind=AssetKind.VIDEO)
    return list(
        videos.order_by("product_id", "position", "pk").values_list(
            "product_id", "pk", "content_hash"
        )
    )
