"""Training pairs: pictures of visible products with every text that is true of each."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from indexer.tuning.captions import (
    Captions,
    ProductFacts,
    attribute_values,
    make_captions,
    select_attributes,
)
from search.errors import InputError
from search.tuning.sampling import link_groups
from search.types import Ids
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.assets import get_product_texts
from webapp.clicklog.selectors import clicked_queries

MIN_PAIRS = 200
MAX_PICTURES = 50_000
"""At 10 kB of features each these are 500 MB. A larger catalogue gives a fixed sample."""

HELD_OUT_SHARE = 0.15
MAX_HELD_OUT = 3_000
MIN_HELD_OUT = 12
MIN_CLICKS = 2
"""A product clicked once for a query may be a slip."""


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture with what the catalogue says of it. `queries` are those it was clicked for."""

    content_hash: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    variants: tuple[str, ...]
    queries: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts, each once."""
        return _unique((*self.labels, *self.names, *self.variants, *self.queries))


@dataclass(frozen=True, slots=True)
class TuningDataset:
    """Pictures in a fixed order, the group of each (n,), and whether it is held out (n,)."""

    pictures: tuple[CaptionedPicture, ...]
    groups: Ids
    held: npt.NDArray[np.bool_]

    @property
    def held_out(self) -> Ids:
        """Places of the pictures to evaluate on."""
        return np.flatnonzero(self.held)[:MAX_HELD_OUT]

    @property
    def training(self) -> Ids:
        """Places of the pictures to train on."""
        return np.flatnonzero(~self.held)

    def select(self, hashes: Container[str]) -> TuningDataset:
        """Return the part with these pictures. Raises InputError when it is too small."""
        kept = [row for row, picture in enumerate(self.pictures) if picture.content_hash in hashes]
        pictures = tuple(self.pictures[row] for row in kept)
        return check_size(TuningDataset(pictures, self.groups[kept], self.held[kept]))


@dataclass
class _ProductTexts:
    """What the products that show one picture say of it."""

    captions: list[Captions] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)


def load_dataset(*, from_clicks: bool = False) -> TuningDataset:
    """Load every pair of the catalogue.

    Raises InputError when there are fewer than MIN_PAIRS, or when they cannot be split.
    """
    facts = {fact.product_id: fact for fact in _iter_facts()}
    names = select_attributes(facts.values())
    captions = {product_id: make_captions(fact, names) for product_id, fact in facts.items()}
    queries = _load_clicked_queries() if from_clicks else {}
    shown = [row for row in _iter_pictures() if row[0] in captions]
    texts: dict[str, _ProductTexts] = defaultdict(_ProductTexts)
    for product_id, digest in shown:
        texts[digest].captions.append(captions[product_id])
        texts[digest].queries += queries.get(product_id, [])
    pictures = [_caption(digest, texts[digest]) for digest in sorted(texts)]
    pictures = [picture for picture in pictures if picture.texts][:MAX_PICTURES]
    return check_size(_split(pictures, _group(shown, captions)))


def check_size(dataset: TuningDataset) -> TuningDataset:
    """Return the dataset. Raises InputError when it is too small to train or to evaluate on."""
    count, held = len(dataset.pictures), len(dataset.held_out)
    if count < MIN_PAIRS:
        raise InputError(
            f"the catalogue is too small to tune: it has {count} pairs of a picture and a text",
            fix=f"At least {MIN_PAIRS} are needed.",
        )
    if held < MIN_HELD_OUT or len(dataset.training) < MIN_PAIRS / 2:
        raise InputError(
            f"the catalogue cannot be split: {held} of {count} pictures would be held out",
            fix="Products with the same title stay together; give them different titles.",
        )
    return dataset


def _iter_facts() -> Iterator[ProductFacts]:
    products = Product.objects.filter(visible=True).select_related("category").order_by("pk")
    for product in products.iterator(chunk_size=2_000):
        own = get_product_texts(product)
        texts = [own]
        texts += [other for other in product.translations.values() if isinstance(other, dict)]
        yield ProductFacts(
            product_id=product.pk,
            titles=tuple(filter(None, (each.get("title") for each in texts))),
            descriptions=tuple(filter(None, (each.get("description") for each in texts))),
            kind=product.category.name if product.category else "",
            brand=product.brand,
            attributes=attribute_values(product.attributes),
        )


def _iter_pictures() -> Iterator[tuple[int, str]]:
    """Yield (product id, content hash) of every usable picture of a visible product."""
    assets = Asset.objects.filter(kind=AssetKind.PICTURE, product__visible=True, error="").order_by(
        "product_id", "id"
    )
    return assets.values_list("product_id", "content_hash").iterator(chunk_size=5_000)


def _load_clicked_queries() -> dict[int, list[str]]:
    queries: dict[int, list[str]] = defaultdict(list)
    for query, product_id, count in clicked_queries():
        if count >= MIN_CLICKS:
            queries[product_id].append(query)
    return queries


def _caption(digest: str, texts: _ProductTexts) -> CaptionedPicture:
    return CaptionedPicture(
        digest,
        labels=_unique(text for each in texts.captions for text in each.labels),
        names=_unique(text for each in texts.captions for text in each.names),
        variants=_unique(text for each in texts.captions for text in each.variants),
        queries=_unique(texts.queries),
    )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _group(
    shown: Sequence[tuple[int, str]], captions: Mapping[int, Captions]
) -> dict[str, tuple[int, str]]:
    """Return the group of each picture and the group's name, by content hash.

    A group has the pictures of a product, of products with the same title, and of products that
    share a picture.
    """
    titles = [
        " ".join(captions[product_id].names[:1]).casefold() or str(product_id)
        for product_id, _ in shown
    ]
    groups = link_groups(
        [product_id for product_id, _ in shown], [digest for _, digest in shown], titles
    ).tolist()
    names: dict[int, str] = {}
    for group, title in zip(groups, titles, strict=True):
        names[group] = min(title, names.get(group, title))
    return {digest: (group, names[group]) for (_, digest), group in zip(shown, groups, strict=True)}


def _split(
    pictures: Sequence[CaptionedPicture], group_of: Mapping[str, tuple[int, str]]
) -> TuningDataset:
    """Hold out whole groups whose name has a low hash: the same ones in every tuning."""
    groups = [group_of[picture.content_hash] for picture in pictures]
    held = np.array([_has_low_hash(name) for _, name in groups], bool)
    return TuningDataset(tuple(pictures), np.array([group for group, _ in groups], np.int64), held)


def _has_low_hash(name: str) -> bool:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32 < HELD_OUT_SHARE
