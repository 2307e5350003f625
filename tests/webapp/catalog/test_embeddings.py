"""Views of an index: one for a text, one for each part of a clip."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.types import Modality, Space, Span, Vectors, view_asset_id, view_part_number
from webapp.catalog.models import Asset, AssetKind, Embedding, Product
from webapp.catalog.models.spans import span_at, spans_pack, spans_unpack
from webapp.catalog.selectors.embeddings import stream_visible_views

pytestmark = pytest.mark.django_db

SPACE = Space("drawn", "d0", 8, frozenset(Modality))
SPANS = (Span(0.0, 1.5), Span(1.5, 4.25))


def drawn(count: int) -> Vectors:
    vectors = np.random.default_rng(count).normal(size=(count, SPACE.dim)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def add(
    product: Product, kind: AssetKind, rows: Mapping[Modality, tuple[int, tuple[Span, ...]]]
) -> Asset:
    """An asset with so many vectors and these spans in each modality."""
    digest = f"{kind}-{product.sku}"
    content = {"text": "words"} if kind == AssetKind.TEXT else {"file": f"{digest}.bin"}
    for modality, (count, spans) in rows.items():
        vector, packed = Embedding.pack(drawn(count)), spans_pack(spans)
        Embedding.objects.create(
            space=SPACE.fingerprint,
            modality=modality,
            content_hash=digest,
            vector=vector,
            spans=packed,
        )
    return Asset.objects.create(product=product, kind=kind, content_hash=digest, **content)


def test_a_clip_has_a_view_for_each_part_in_each_of_its_modalities() -> None:
    first, second = (Product.objects.create(sku=sku, title=sku) for sku in "ab")
    words = add(first, AssetKind.TEXT, {Modality.TEXT: (1, ())})
    rows = {Modality.VIDEO: (3, SPANS), Modality.AUDIO: (2, SPANS), Modality.TEXT: (2, SPANS)}
    video = add(first, AssetKind.VIDEO, rows)
    sound = add(second, AssetKind.AUDIO, {Modality.AUDIO: (2, SPANS)})
    silent = add(second, AssetKind.VIDEO, {Modality.VIDEO: (1, SPANS[:1]), Modality.AUDIO: (0, ())})

    with CaptureQueriesContext(
        connection,
    ) as queries:
        batches = {batch.modality: batch for batch in stream_visible_views(space=SPACE)}
    assert len(queries) == 4, "products, their assets, the rows; and no more products"
    views = {
        modality: [(view_asset_id(view), view_part_number(view), product) for view, product in zip(
            batch.view_ids.tolist(), batch.product_ids.tolist(), strict=True)]
        for modality, batch in batches.items()
    }  # fmt: skip
    a, b = first.pk, second.pk
    assert views == {
        Modality.TEXT: [(words.pk, 0, a), (video.pk, 1, a), (video.pk, 2, a)],
        Modality.AUDIO: [(video.pk, 1, a), (video.pk, 2, a), (sound.pk, 1, b), (sound.pk, 2, b)],
        Modality.VIDEO: [(video.pk, 0, a), (video.pk, 1, a), (video.pk, 2, a), (silent.pk, 1, b)],
    }
    assert np.allclose(batches[Modality.VIDEO].vectors[:3], drawn(3), atol=1e-3)


def test_spans_are_stored_without_loss() -> None:
    stored = spans_pack(SPANS)
    assert tuple(spans_unpack(stored)) == SPANS
    assert [span_at(stored, part) for part in range(4)] == [None, *SPANS, None]
    assert spans_pack(()) == b"" and span_at(b"", 1) is None
