"""What pages may show of clips beside their players."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from search.types import Span
from webapp.catalog.models import Asset, AssetKind, ClipPreview
from webapp.catalog.models.spans import spans_unpack


@dataclass(frozen=True, slots=True)
class Preview:
    """Of one clip: the seconds of its key frames, which have a picture each, and its loudness
    from 0 to 255 over `duration_s`, empty where it is silent. What can be heard has a spectrogram,
    too.
    """

    duration_s: float = 0.0
    frames: tuple[Span, ...] = ()
    peaks: bytes = b""
    subtitled: bool = False

    def frame_at(self, second: float) -> int | None:
        """The number of the key frame that stands for this second, else of the last one before
        it, else of the first; None where there is none.
        """
        within = [
            number for number, span in enumerate(self.frames) if span.start <= second < span.end
        ]
        before = [number for number, span in enumerate(self.frames) if span.start <= second]
        return (within or before[-1:] or [0])[0] if self.frames else None


NOTHING = Preview()


def get_previews(hashes: Collection[str]) -> dict[str, Preview]:
    """By content hash; those not made yet are absent. One query, none for no hashes."""
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
    """Product id, asset id and content hash of the videos of these products. One query, none for
    no products.
    """
    if not product_ids:
        return []
    videos = Asset.objects.filter(product_id__in=product_ids, kind=AssetKind.VIDEO)
    return list(
        videos.order_by("product_id", "position", "pk").values_list(
            "product_id", "pk", "content_hash"
        )
    )
