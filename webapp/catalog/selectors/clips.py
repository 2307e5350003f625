"""Clips: time spans of their parts, and their previews."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from search.types import Modality, Space, Span
from webapp.catalog.models import Asset, AssetKind, ClipPreview, Embedding
from webapp.catalog.models.spans import spans_unpack

ClipSpans = dict[tuple[int, Modality], bytes]
"""Packed spans by asset id and modality."""


def get_clip_spans(
    *, space: Space, asset_ids: Collection[int], modalities: Sequence[Modality]
) -> ClipSpans:
    """Return the packed spans of these assets, with one query; assets without spans are absent."""
    if not asset_ids:
        return {}
    embeddings = Embedding.objects.filter(
        space=space.fingerprint, content_hash=OuterRef("content_hash")
    )
    columns = {
        f"spans_{modality}": Subquery(embeddings.filter(modality=modality).values("spans")[:1])
        for modality in modalities
    }
    rows = (
        Asset.objects.filter(pk__in=asset_ids)
        .order_by()
        .annotate(**columns)
        .values_list("pk", *columns)
    )
    return {
        (pk, modality): bytes(spans)
        for pk, *values in rows
        for modality, spans in zip(modalities, values, strict=True)
        if spans
    }


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
