"""Views of visible products with their embeddings: the content of an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from search.modalities import MODALITIES
from search.types import Modality, ProductViews, Space, ViewBatch, make_view_id
from webapp.catalog.models import Asset, Embedding, IndexClock, Product, RemovedProduct
from webapp.catalog.models.embedding import STORED as VECTORS
from webapp.catalog.models.spans import BYTES as SPAN_BYTES

CHUNK_SIZE = 1_000
"""Products per query: about 3 MB of vectors at 768 dimensions and two views each."""

ViewRow = tuple[int, int, str, str]
"""Asset id, product id, modality, content hash."""


def _view_rows(product_ids: list[int]) -> list[ViewRow]:
    return list(
        Asset.objects.filter(product_id__in=product_ids)
        .order_by("product_id", "kind", "position", "id")
        .values_list("id", "product_id", "kind", "content_hash")
    )


def _load_vectors(
    space: Space, rows: Iterable[ViewRow]
) -> dict[tuple[str, str], tuple[bytes, int]]:
    """Return stored vectors and the number of spans by (modality, content hash).

    Contents without vectors are absent.
    """
    hashes = {digest for _, _, _, digest in rows}
    stored = Embedding.objects.filter(space=space.fingerprint, content_hash__in=hashes)
    return {
        (modality, digest): (bytes(vector), len(spans) // SPAN_BYTES)
        for modality, digest, vector, spans in stored.values_list(
            "modality", "content_hash", "vector", "spans"
        )
        if vector
    }


def _batches(space: Space, product_ids: list[int]) -> Iterator[ViewBatch]:
    """Yield one batch per modality for these products."""
    rows = _view_rows(product_ids)
    stored = _load_vectors(space, rows)
    for modality in Modality:
        own = [
            (asset, product, *stored[modality, digest])
            for asset, product, kind, digest in rows
            if (modality, digest) in stored and modality in MODALITIES[kind].view_modalities
        ]
        if own:
            yield _expand(modality, space.dim, own)


def _expand(modality: Modality, dim: int, rows: Sequence[tuple[int, int, bytes, int]]) -> ViewBatch:
    """Return one row for each view of the contents.

    `rows` hold asset id, product id, stored vectors and number of spans.
    """
    assets, products, stored, spans = zip(*rows, strict=True)
    vectors = Embedding.unpack(list(stored), dim)
    counts = np.array([len(vector) for vector in stored], np.int64) // (VECTORS.itemsize * dim)
    ends = np.cumsum(counts)
    # Parts are numbered from 1 to the number of spans; a view before them shows the whole clip.
    parts = np.arange(len(vectors)) - np.repeat(ends - 1 - np.array(spans, np.int64), counts)
    return ViewBatch(
        modality=modality,
        view_ids=make_view_id(np.repeat(np.array(assets, np.int64), counts), parts),
        product_ids=np.repeat(np.array(products, np.int64), counts),
        vectors=vectors,
    )


def _split_by_product(batches: Iterable[ViewBatch]) -> dict[int, list[ViewBatch]]:
    """Return the batches of each product; its rows are adjacent, so they are a slice."""
    parts: dict[int, list[ViewBatch]] = {}
    for batch in batches:
        for product_id, rows in groupby(
            range(len(batch)), key=lambda row: int(batch.product_ids[row])
        ):
            span = list(rows)
            cut = slice(span[0], span[-1] + 1)
            parts.setdefault(product_id, []).append(
                ViewBatch(
                    batch.modality, batch.view_ids[cut], batch.product_ids[cut], batch.vectors[cut]
                )
            )
    return parts


def stream_visible_views(*, space: Space) -> Iterator[ViewBatch]:
    """Yield all searchable views of the catalogue, paged by product id."""
    last = 0
    while True:
        ids = list(
            Product.objects.filter(visible=True, pk__gt=last)
            .order_by("pk")
            .values_list("pk", flat=True)[:CHUNK_SIZE]
        )
        if not ids:
            return
        yield from _batches(space, ids)
        last = ids[-1]


def get_index_sequence() -> int:
    """Return the newest committed change number; 0 before the first change."""
    return IndexClock.objects.values_list("value", flat=True).first() or 0


def get_changes_since(*, space: Space, seq: int) -> tuple[list[ProductViews], int]:
    """Return products changed after `seq`, and the sequence number up to which they are complete.

    The number is read first: a change committed meanwhile may be included, never missed.
    """
    now = get_index_sequence()
    if now <= seq:
        return [], now
    changes = [
        ProductViews(product_id, changed)
        for product_id, changed in RemovedProduct.objects.filter(index_seq__gt=seq).values_list(
            "pk", "index_seq"
        )
    ]
    changed_products = list(
        Product.objects.filter(index_seq__gt=seq)
        .order_by("pk")
        .values_list("pk", "visible", "index_seq")
    )
    for start in range(0, len(changed_products), CHUNK_SIZE):
        chunk = changed_products[start : start + CHUNK_SIZE]
        views = _split_by_product(_batches(space, [pk for pk, visible, _ in chunk if visible]))
        changes += [ProductViews(pk, changed, tuple(views.get(pk, ()))) for pk, _, changed in chunk]
    return changes, now


def count_changes_since(*, seq: int) -> int:
    """Count products changed after `seq`: the size of a reader's delta."""
    return (
        Product.objects.filter(index_seq__gt=seq).count()
        + RemovedProduct.objects.filter(index_seq__gt=seq).count()
    )
