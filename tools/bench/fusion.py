"""How much each modality should say: rankings of the catalogue in this installation under
different shares.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
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
class Question:
    query: QueryVector
    relevant: frozenset[int]
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ShareResult:
    """Metrics of one choice: what a view of the other modality counts beside one of the
    question's own.
    """

    asked: str
    other_share: float
    questions: int
    metrics: dict[str, float]


def measure_shares(attribute: str) -> list[ShareResult]:
    """For words, "<attribute value> <category>" must find the products that are both. For
    pictures, an altered copy of a product's picture must find that product. For sounds, where
    there are any, one product's must find the others of its category. Raises InputError when the
    catalogue gives no questions.
    """
    if not live_index().count():
        raise InputError(
            "nothing is searchable here", fix="Import a catalogue and let it be encoded first."
        )
    results = []
    for asked, questions in (
        ("words", list(word_questions(attribute))),
        ("altered pictures", list(altered_pictures())),
        ("pictures of the same kind", list(kindred_pictures(attribute))),
    ):
        if not questions:
            raise InputError(
                "this catalogue gives no questions",
                value=asked,
                fix="Import the sample shop first.",
            )
        results += _results(asked, questions)
    sounds = list(kindred_sounds())
    return [*results, *(_results("sounds of the same category", sounds) if sounds else [])]


def _results(asked: str, questions: Sequence[Question]) -> list[ShareResult]:
    return [
        ShareResult(
            asked,
            share,
            len(questions),
            summarise([_ask(question, share) for question in questions]),
        )
        for share in STEPS
    ]


def _ask(question: Question, share: float) -> QueryResult:
    index = live_index()
    weights: ModalityWeights = {
        (asked, other): 1.0 if asked is other else share
        for asked, other in grid(Modality, repeat=2)
    }
    hits = rank(
        index, [question.query], window=index.count(), exclude=question.without, weights=weights
    ).hits
    return evaluate_ranking(
        [str(hit.product_id) for hit in hits], [str(pk) for pk in question.relevant]
    )


def _kinds(attribute: str, fewest: int) -> dict[tuple[str, str], frozenset[int]]:
    """Product ids by (attribute value, category), where there are at least `fewest`."""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    rows = AttributeValue.objects.filter(
        name=attribute, product__category__isnull=False, product__visible=True
    )
    for value, category, pk in rows.values_list("value", "product__category__name", "product"):
        found[value, category].add(pk)
    return {kind: frozenset(pks) for kind, pks in found.items() if len(pks) >= fewest}


def word_questions(attribute: str) -> Iterator[Question]:
    for (value, category), relevant in sorted(_kinds(attribute, fewest=1).items()):
        vector = query_encoder().embed_text(f"{value} {category}".lower())
        yield Question(QueryVector(vector, Modality.TEXT), relevant)


def kindred_pictures(attribute: str) -> Iterator[Question]:
    """One product of each kind asks with its picture for the others of its kind."""
    for _, products in sorted(_kinds(attribute, fewest=2).items()):
        asking = min(products)
        asset = Asset.objects.filter(product=asking, kind=AssetKind.PICTURE).first()
        if asset is not None:
            query = QueryVector(query_encoder().embed_picture(_picture(asset)), Modality.PICTURE)
            yield Question(query, products - {asking}, frozenset({asking}))


def kindred_sounds() -> Iterator[Question]:
    """A product asks with its sound for the others of its category, which may be silent."""
    index = live_index()
    categories = dict(
        Product.objects.filter(category__isnull=False, visible=True).values_list("pk", "category")
    )
    for asking in sorted(
        set(Asset.objects.filter(kind=AssetKind.AUDIO).values_list("product", flat=True))
    ):
        others = {
            pk for pk, category in categories.items() if category == categories.get(asking)
        } - {asking}
        heard = [batch for batch in index.get_views(asking) if batch.modality is Modality.AUDIO]
        if others and heard:
            query = QueryVector(asset_vectors(heard[0])[0], Modality.AUDIO)
            yield Question(query, frozenset(others), frozenset({asking}))


def altered_pictures() -> Iterator[Question]:
    for asset in _spread(
        Asset.objects.filter(kind=AssetKind.PICTURE, position=0).order_by("product_id")
    ):
        vector = query_encoder().embed_picture(_alter(_picture(asset)))
        yield Question(QueryVector(vector, Modality.PICTURE), frozenset({asset.product_id}))


def _spread(assets: Sequence[Asset]) -> list[Asset]:
    found = list(assets)
    return found[:: max(1, len(found) // MAX_PICTURES)][:MAX_PICTURES]


def _picture(asset: Asset) -> Image.Image:
    with asset.file.open("rb") as file:
        return decode_picture(
            io.BytesIO(file.read()), PictureLimits.from_settings(engine_settings())
        )


def _alter(picture: Image.Image) -> Image.Image:
    """As a shopper's screenshot would be: cropped, darker, turned a little, compressed hard."""
    width, height = picture.size
    cropped = picture.crop((width // 12, height // 12, width - width // 12, height - height // 16))
    turned = ImageEnhance.Brightness(cropped).enhance(0.85).rotate(4, fillcolor=(255, 255, 255))
    packed = io.BytesIO()
    turned.save(packed, "JPEG", quality=40)
    return Image.open(packed).convert("RGB")
