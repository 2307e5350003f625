"""Evaluate the weight of other modalities, on queries made from the catalogue."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product as grid

from PIL import Image, ImageEnhance

from search.config import engine_settings
from search.errors import InputError
from search.evaluation.results import QueryResult, evaluate_ranking, summarise
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.ranking.engine import QueryVector, rank
from search.ranking.fusion import ModalityWeights
from search.types import Modality
from webapp.catalog.models import Asset, AssetKind, AttributeValue, Product
from webapp.retrieval.embedded_query import asset_vectors
from webapp.retrieval.models_runtime import live_index, query_encoder

STEPS = (0.0, 0.25, 0.5, 1.0, 2.0)
MAX_PICTURES = 200


@dataclass(frozen=True, slots=True)
class FusionQuery:
    """A query vector, the ids of relevant products, and of products to leave out."""

    vector: QueryVector
    relevant: frozenset[int]
    exclude: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class WeightResult:
    """Metrics for one weight of the views of other modalities than the query's own."""

    queries: str
    other_weight: float
    count: int
    metrics: dict[str, float]


def measure_weights(attribute: str) -> list[WeightResult]:
    """Evaluate every weight on each kind of query.

    1. Words: "<attribute value> <category>", for the products that have both.
    2. Pictures: an altered copy of a product's picture, for that product; and a product's picture,
       for the others of its category and attribute value.
    3. Sounds, if there are any: a product's sound, for the others of its category.

    Raises InputError when the catalogue gives no queries.
    """
    if not live_index().count():
        raise InputError(
            "nothing is searchable here", fix="Import a catalogue and let it be encoded first."
        )
    results = []
    for name, queries in (
        ("words", list(text_queries(attribute))),
        ("altered pictures", list(altered_picture_queries())),
        ("pictures of the same kind", list(similar_picture_queries(attribute))),
    ):
        if not queries:
            raise InputError(
                "this catalogue gives no queries",
                value=name,
                fix="Import the sample shop first.",
            )
        results += _evaluate_weights(name, queries)
    sounds = list(similar_sound_queries())
    if sounds:
        results += _evaluate_weights("sounds of the same category", sounds)
    return results


def _evaluate_weights(name: str, queries: Sequence[FusionQuery]) -> list[WeightResult]:
    results = []
    for weight in STEPS:
        metrics = summarise([_evaluate(query, weight) for query in queries])
        results.append(WeightResult(name, weight, len(queries), metrics))
    return results


def _evaluate(query: FusionQuery, weight: float) -> QueryResult:
    index = live_index()
    weights: ModalityWeights = {
        (modality, other): 1.0 if modality is other else weight
        for modality, other in grid(Modality, repeat=2)
    }
    hits = rank(
        index, [query.vector], window=index.count(), exclude=query.exclude, weights=weights
    ).hits
    return evaluate_ranking(
        [str(hit.product_id) for hit in hits], [str(pk) for pk in query.relevant]
    )


def _products_by_kind(attribute: str, minimum: int) -> dict[tuple[str, str], frozenset[int]]:
    """Return product ids by (attribute value, category), with at least `minimum` products."""
    products: dict[tuple[str, str], set[int]] = defaultdict(set)
    rows = AttributeValue.objects.filter(
        name=attribute, product__category__isnull=False, product__visible=True
    )
    for value, category, pk in rows.values_list("value", "product__category__name", "product"):
        products[value, category].add(pk)
    return {kind: frozenset(pks) for kind, pks in products.items() if len(pks) >= minimum}


def text_queries(attribute: str) -> Iterator[FusionQuery]:
    for (value, category), relevant in sorted(_products_by_kind(attribute, minimum=1).items()):
        vector = query_encoder().embed_text(f"{value} {category}".lower())
        yield FusionQuery(QueryVector(vector, Modality.TEXT), relevant)


def similar_picture_queries(attribute: str) -> Iterator[FusionQuery]:
    """Yield a query per kind: the picture of one product, for the others of its kind."""
    for _, products in sorted(_products_by_kind(attribute, minimum=2).items()):
        product_id = min(products)
        asset = Asset.objects.filter(product=product_id, kind=AssetKind.PICTURE).first()
        if asset is not None:
            query = QueryVector(
                query_encoder().embed_picture(_read_picture(asset)), Modality.PICTURE
            )
            yield FusionQuery(query, products - {product_id}, frozenset({product_id}))


def similar_sound_queries() -> Iterator[FusionQuery]:
    """Yield a query per product with a sound, for the others of its category."""
    index = live_index()
    categories = dict(
        Product.objects.filter(category__isnull=False, visible=True).values_list("pk", "category")
    )
    for product_id in sorted(
        set(Asset.objects.filter(kind=AssetKind.AUDIO).values_list("product", flat=True))
    ):
        others = {
            pk for pk, category in categories.items() if category == categories.get(product_id)
        } - {product_id}
        views = [batch for batch in index.get_views(product_id) if batch.modality is Modality.AUDIO]
        if others and views:
            query = QueryVector(asset_vectors(views[0])[0], Modality.AUDIO)
            yield FusionQuery(query, frozenset(others), frozenset({product_id}))


def altered_picture_queries() -> Iterator[FusionQuery]:
    for asset in _sample_evenly(
        Asset.objects.filter(kind=AssetKind.PICTURE, position=0).order_by("product_id")
    ):
        vector = query_encoder().embed_picture(_alter_picture(_read_picture(asset)))
        yield FusionQuery(QueryVector(vector, Modality.PICTURE), frozenset({asset.product_id}))


def _sample_evenly(assets: Iterable[Asset]) -> list[Asset]:
    listed = list(assets)
    return listed[:: max(1, len(listed) // MAX_PICTURES)][:MAX_PICTURES]


def _read_picture(asset: Asset) -> Image.Image:
    with asset.file.open("rb") as file:
        return decode_picture(
            io.BytesIO(file.read()), PictureLimits.from_settings(engine_settings())
        )


def _alter_picture(picture: Image.Image) -> Image.Image:
    """Alter a picture like a screenshot: cropped, darker, slightly rotated, compressed."""
    width, height = picture.size
    cropped = picture.crop((width // 12, height // 12, width - width // 12, height - height // 16))
    rotated = ImageEnhance.Brightness(cropped).enhance(0.85).rotate(4, fillcolor=(255, 255, 255))
    packed = io.BytesIO()
    rotated.save(packed, "JPEG", quality=40)
    return Image.open(packed).convert("RGB")
