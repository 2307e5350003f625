"""Seconds of the parts of clips."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import OuterRef, Subquery

from search.types import Modality, Space
from webapp.catalog.models import Asset, Embedding

ClipSpans = dict[tuple[int, Modality], bytes]
"""Packed spans by asset id and modality."""


def get_clip_spans(
    *, space: Space, asset_ids: Collection[int], modalities: Collection[Modality]
) -> ClipSpans:
    """Spans of the parts of these assets, as they are stored; those without any are absent. One
    query.
    """
    if not asset_ids:
        return {}
    asked = list(modalities)
    of_asset = Embedding.objects.filter(
        space=space.fingerprint, content_hash=OuterRef("content_hash")
    )
    columns = {
        f"spans_{modality}": Subquery(of_asset.filter(modality=modality).values("spans")[:1])
        for modality in asked
    }
    rows = (
        Asset.objects.filter(pk__in=asset_ids)
        .order_by()
        .annotate(**columns)
        .values_list("pk", *columns)
    )
    return {
        (pk, modality): bytes(spans)
        for pk, *found in rows
        for modality, spans in zip(asked, found, strict=True)
        if spans
    }
