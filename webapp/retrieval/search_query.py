"""What can be asked, and what an answer holds."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from PIL import Image

from search.errors import QueryError
from search.types import Evidence, Modality, StageTimings
from webapp.catalog.models import Product
from webapp.retrieval.filters import SearchFilters

MAX_TEXT_LENGTH = 1000
MAX_PAGE_SIZE = 100
MAX_RANKED = 240
"""A relevance search ranks this many products; beyond them nobody pages, and facets would count
noise."""


class Sort(enum.StrEnum):
    RELEVANCE = "relevance"
    PRICE_ASC = "price"
    PRICE_DESC = "-price"
    NEWEST = "newest"


Tokens = dict[Modality, str]
"""What stands for a question's picture and sound in the next request."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Words, a picture, a sound, any of them together, a product to find similar ones of, or
    nothing (browse).

    `sound` is a file, audio or video, whose sound asks; `video` is one whose key frames ask, in
    place of a picture. Raises QueryError when made.
    """

    text: str = ""
    picture: Image.Image | None = None
    picture_token: str = ""
    video: Path | None = None
    sound: Path | None = None
    sound_token: str = ""
    similar_to: int | None = None
    filters: SearchFilters = field(default_factory=SearchFilters)
    sort: Sort = Sort.RELEVANCE
    cursor: str = ""
    limit: int = 24
    facets: bool = True
    max_ranked: int = MAX_RANKED

    def __post_init__(self) -> None:
        if len(self.text) > MAX_TEXT_LENGTH:
            raise QueryError(
                f"the text is longer than {MAX_TEXT_LENGTH} characters",
                value=len(self.text),
                fix="Shorten it.",
            )
        if "\0" in self.text:
            raise QueryError("the text holds a NUL character", fix="Remove it.")
        if self.picture is not None and self.video is not None:
            raise QueryError("a picture and a video cannot both ask", fix="Send one of them.")
        if not 1 <= self.limit <= MAX_PAGE_SIZE:
            raise QueryError(f"limit must be from 1 to {MAX_PAGE_SIZE}", value=self.limit)

    @property
    def is_browse(self) -> bool:
        asked = (self.text.strip(), self.picture_token, self.sound_token)
        given = (self.picture, self.video, self.sound, self.similar_to)
        return not any(asked) and all(one is None for one in given)


@dataclass(frozen=True, slots=True)
class ProductHit:
    """A product on the page. `product.pictures` holds its picture assets in order, loaded
    beforehand; evidence that is part of a clip has its seconds.
    """

    product: Product
    score: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetValue:
    value: str
    label: str
    count: int
    selected: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """`name` is 'category', 'brand' or 'attr:<name>'; counts ignore the facet's own selection."""

    name: str
    label: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page. `total` counts what passed: for a relevance search within its window, see
    `window_full`.
    """

    hits: tuple[ProductHit, ...]
    total: int
    window_full: bool
    facets: tuple[Facet, ...]
    price_range: tuple[Decimal, Decimal] | None
    next_cursor: str
    tokens: Tokens
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
