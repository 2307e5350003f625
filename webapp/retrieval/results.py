"""The results of a search: a page of products, with facets and what paging needs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from search.types import Evidence, Modality, StageTimings
from webapp.catalog.models import Asset, Product

MediaTokens = dict[Modality, str]
"""By modality: the tokens that stand for the query's picture and sound in the next request."""


@dataclass(frozen=True, slots=True)
class ProductHit:
    """A product on a page, with its picture assets in order.

    Evidence that is a part of a clip has its time span.
    """

    product: Product
    score: float
    pictures: tuple[Asset, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet and the number of products that have it."""

    value: str
    label: str
    count: int
    selected: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """`name` is 'category', 'brand' or 'attr:<name>'; counts ignore the facet's own choice."""

    name: str
    label: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of results.

    `total` counts the matching products, of a search those among the best `max_ranked`;
    `window_full` says that there may be more. `price_range` is the lowest and highest price.
    """

    hits: tuple[ProductHit, ...]
    total: int
    window_full: bool
    facets: tuple[Facet, ...]
    price_range: tuple[Decimal, Decimal] | None
    next_cursor: str
    tokens: MediaTokens
    timings: StageTimings
    generation: int | None
    seq: int

    @property
    def picture_token(self) -> str:
        """Stands for the query picture in the next request; '' without one."""
        return self.tokens.get(Modality.PICTURE, "")

    @property
    def sound_token(self) -> str:
        """Stands for the query sound in the next request; '' without one."""
        return self.tokens.get(Modality.AUDIO, "")
