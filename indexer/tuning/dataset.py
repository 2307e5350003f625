"""The pairs of a catalogue: pictures of visible products, and every text that is true of each."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from indexer.tuning.captions import (
    Captions,
    ProductFacts,
    attribute_values,
    select_attributes,
    wording,
)
from search.errors import InputError
from search.tuning.sampling import link_groups
from search.types import Ids
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.assets import get_product_texts
from webapp.clicklog.selectors import clicked_queries

MIN_PAIRS = 200
MAX_PICTURES = 50_000
"""Pictures learned from: at 10 kB of features each these are 500 MB. Of a larger catalogue, a
fixed sample."""

HELD_OUT_SHARE = 0.15
MAX_HELD_OUT = 3_000
MIN_HELD_OUT = 12
MIN_CLICKS = 2
"""A product clicked once for a query may be a slip."""


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """One picture with what the catalogue says of it; `queries` are those it was clicked for."""

    content_hash: str
    labels: tuple[str, ...]
    names: tuple[str, ...]
    variants: tuple[str, ...]
    queries: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything true of it, each once."""
        return tuple(dict.fromkeys((*self.labels, *self.names, *self.variants, *self.queries)))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Pictures in a fixed order; for each its group (n,) and whether it is held out (n,)."""

    pictures: tuple[CaptionedPicture, ...]
    groups: Ids
    held: npt.NDArray[np.bool_]

    @property
    def held_out(self) -> Ids:
        """Places of the pictures that judge."""
        return np.flatnonzero(self.held)[:MAX_HELD_OUT]

    @property
    def training(self) -> Ids:
        """Places of the pictures to learn from."""
        return np.flatnonzero(~self.held)

    def only(self, hashes: Container[str]) -> Catalogue:
        """The part of the catalogue with these pictures. Raises InputError when that is too
        little.
        """
        kept = [row for row, picture in enumerate(self.pictures) if picture.content_hash in hashes]
        return checked(
            Catalogue(tuple(self.pictures[row] for row in kept), self.groups[kept], self.held[kept])
        )


@dataclass
class _ProductTexts:
    """What several products that show one picture say of it."""

    wordings: list[Captions] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)


def load_dataset(*, from_clicks: bool = False) -> Catalogue:
    """Every pair of the catalogue.

    Raises InputError when there are fewer than MIN_PAIRS, or when they cannot be divided.
    """
    facts = {fact.product_id: fact for fact in _facts()}
    names = select_attributes(facts.values())
    worded = {product_id: wording(fact, names) for product_id, fact in facts.items()}
    queries = _clicked() if from_clicks else {}
    shown = [(product_id, digest) for product_id, digest in _shown() if product_id in worded]
    told: dict[str, _ProductTexts] = defaultdict(_ProductTexts)
    for product_id, digest in shown:
        told[digest].wordings.append(worded[product_id])
        told[digest].queries += queries.get(product_id, [])
    pictures = [_pictured(digest, told[digest]) for digest in sorted(told)]
    pictures = [picture for picture in pictures if picture.texts][:MAX_PICTURES]
    return checked(_divided(pictures, _grouped(shown, worded)))


def checked(catalogue: Catalogue) -> Catalogue:
    """The same. Raises InputError when there is too little to learn from or to judge by."""
    count, held = len(catalogue.pictures), len(catalogue.held_out)
    if count < MIN_PAIRS:
        raise InputError(
            f"the catalogue is too small to tune: it has {count} pairs of a picture and a text",
            fix=f"At least {MIN_PAIRS} are needed.",
        )
    if held < MIN_HELD_OUT or len(catalogue.training) < MIN_PAIRS / 2:
        raise InputError(
            f"the catalogue cannot be divided: {held} of {count} pictures would be held out",
            fix="Products with the same title stay together; give them titles of their own.",
        )
    return catalogue


def _facts() -> Iterator[ProductFacts]:
    products = Product.objects.filter(visible=True).select_related("category").order_by("pk")
    for product in products.iterator(chunk_size=2_000):
        own = get_product_texts(product)
        others = [texts for texts in product.translations.values() if isinstance(texts, dict)]
        yield ProductFacts(
            product_id=product.pk,
            titles=tuple(
                filter(None, [own.get("title"), *(texts.get("title") for texts in others)])
            ),
            descriptions=tuple(
                filter(
                    None, [own.get("description"), *(texts.get("description") for texts in others)]
                )
            ),
            kind=product.category.name if product.category else "",
            brand=product.brand,
            attributes=attribute_values(product.attributes),
        )


def _shown() -> Iterator[tuple[int, str]]:
    """(product id, content hash) of every usable picture of a visible product."""
    assets = Asset.objects.filter(kind=AssetKind.PICTURE, product__visible=True, error="").order_by(
        "product_id", "id"
    )
    return assets.values_list("product_id", "content_hash").iterator(chunk_size=5_000)


def _clicked() -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for query, product_id, count in clicked_queries():
        if count >= MIN_CLICKS:
            found[product_id].append(query)
    return found


def _pictured(digest: str, told: _ProductTexts) -> CaptionedPicture:
    def every(part: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for said in told.wordings for text in getattr(said, part)))

    return CaptionedPicture(
        digest,
        every("labels"),
        every("names"),
        every("variants"),
        tuple(dict.fromkeys(told.queries)),
    )


def _grouped(
    shown: Sequence[tuple[int, str]], worded: Mapping[int, Captions]
) -> dict[str, tuple[int, str]]:
    """The group of each picture, by content hash, and the group's name. One group are the
    pictures of a product, of products with the same title, and of products that share a
    picture.
    """
    titles = [
        " ".join(worded[product_id].names[:1]).casefold() or str(product_id)
        for product_id, _ in shown
    ]
    groups = link_groups(
        [product_id for product_id, _ in shown], [digest for _, digest in shown], titles
    ).tolist()
    names: dict[int, str] = {}
    for group, title in zip(groups, titles, strict=True):
        names[group] = min(title, names.get(group, title))
    return {digest: (group, names[group]) for (_, digest), group in zip(shown, groups, strict=True)}


def _divided(
    pictures: Sequence[CaptionedPicture], group_of: Mapping[str, tuple[int, str]]
) -> Catalogue:
    """Hold out whole groups, those whose name hashes low: the same in every tuning of the
    catalogue.
    """
    groups = [group_of[picture.content_hash] for picture in pictures]
    held = np.array([_hashes_low(name) for _, name in groups], bool)
    return Catalogue(tuple(pictures), np.array([group for group, _ in groups], np.int64), held)


def _hashes_low(name: str) -> bool:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32 < HELD_OUT_SHARE
