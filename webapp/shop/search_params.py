"""What a shopper asked for, as it stands in the address of a results page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from webapp.retrieval.filters import ATTRIBUTE_PREFIX, SearchFilters
from webapp.retrieval.search_query import SearchQuery, Sort

PAGE_SIZE = 24


@dataclass(frozen=True, slots=True)
class Wish:
    """Words, a query picture and sound (their tokens), a product to find similar ones of (its
    sku), filters, order and place.

    A wish is read from an address and can be written as one, so every state of the page can be
    kept and shared.
    """

    text: str = ""
    picture_token: str = ""
    sound_token: str = ""
    like: str = ""
    filters: SearchFilters = field(default_factory=SearchFilters)
    sort: Sort = Sort.RELEVANCE
    cursor: str = ""

    @property
    def is_browse(self) -> bool:
        return not (self.text or self.picture_token or self.sound_token or self.like)

    @property
    def words_alone(self) -> bool:
        return bool(self.text) and not (self.picture_token or self.sound_token or self.like)

    def request(self, *, similar_to: int | None = None, facets: bool = True) -> SearchQuery:
        """What is asked of retrieval. Raises QueryError."""
        return SearchQuery(
            text=self.text,
            picture_token=self.picture_token,
            sound_token=self.sound_token,
            similar_to=similar_to,
            filters=self.filters,
            sort=self.sort,
            cursor=self.cursor,
            limit=PAGE_SIZE,
            facets=facets,
        )

    def url(self) -> str:
        """The shortest address of this page: browsing a category has an address of its own."""
        pairs = list(self._pairs())
        if self.is_browse and self.filters.category:
            path = reverse("shop:category", args=[self.filters.category])
            pairs = [pair for pair in pairs if pair[0] != "category"]
        else:
            path = reverse("shop:search")
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def _pairs(self) -> Iterable[tuple[str, str]]:
        yield from self.kept_pairs()
        filters = self.filters
        if filters.category:
            yield "category", filters.category
        yield from (("brand", brand) for brand in filters.brands)
        for name, values in filters.attributes.items():
            yield from ((ATTRIBUTE_PREFIX + name, value) for value in values)
        if filters.price_min is not None:
            yield "price_min", str(filters.price_min)
        if filters.price_max is not None:
            yield "price_max", str(filters.price_max)
        if filters.in_stock:
            yield "in_stock", "on"
        if self.sort != Sort.RELEVANCE:
            yield "sort", self.sort
        if self.cursor:
            yield "cursor", self.cursor

    def kept_pairs(self) -> Iterable[tuple[str, str]]:
        """What stays when filters and order change: the question itself."""
        tokens = (("picture_token", self.picture_token), ("sound_token", self.sound_token))
        named = (("q", self.text), *tokens, ("like", self.like))
        return [(name, value) for name, value in named if value]

    def page_after(self, cursor: str) -> Self:
        return replace(self, cursor=cursor)

    def first_page(self) -> Self:
        return replace(self, cursor="")

    def without_sound(self) -> Self:
        return replace(self, sound_token="", cursor="")

    def without_filters(self) -> Self:
        return replace(self, filters=SearchFilters(), cursor="")

    def without_value(self, facet: str, value: str) -> Self:
        """This wish with one chosen value of a facet taken back; first page."""
        rest = tuple(chosen for chosen in self.filters.selected(facet) if chosen != value)
        filters = self.filters.without(facet)
        if rest and facet == "brand":
            filters = replace(filters, brands=rest)
        elif rest:
            name = facet.removeprefix(ATTRIBUTE_PREFIX)
            filters = replace(filters, attributes={**filters.attributes, name: rest})
        return replace(self, filters=filters, cursor="")

    def without_price(self) -> Self:
        return replace(self, filters=self.filters.without("price"), cursor="")

    def without_stock(self) -> Self:
        return replace(self, filters=replace(self.filters, in_stock=False), cursor="")


def read_filters(params: QueryDict, cleaned: dict[str, Any], category: str) -> SearchFilters:
    """Filters from the address; `cleaned` holds the validated prices and the stock box."""
    low, high = cleaned["price_min"], cleaned["price_max"]
    return SearchFilters(
        category=category or cleaned["category"],
        brands=tuple(dict.fromkeys(filter(None, params.getlist("brand")))),
        price_min=_plain(low),
        price_max=_plain(high),
        in_stock=cleaned["in_stock"],
        attributes={
            name.removeprefix(ATTRIBUTE_PREFIX): tuple(dict.fromkeys(filter(None, values)))
            for name, values in params.lists()
            if name.startswith(ATTRIBUTE_PREFIX)
            and len(name) > len(ATTRIBUTE_PREFIX)
            and any(values)
        },
    )


def _plain(price: Decimal | None) -> Decimal | None:
    """'1E+2' → 100, so that the address stays readable."""
    return None if price is None else Decimal(f"{price:f}")
