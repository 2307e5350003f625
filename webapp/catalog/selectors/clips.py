"""Time spans of the parts of clips."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import OuterRef, Subquery

from search.types import Modality, Space
from webapp.catalog.models import Asset, Embedding

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
