"""The shop's search parameters: a search query as it stands in the URL of a page."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Self
from urllib.parse import urlencode

import pydantic
from django import forms
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from search.errors import QueryError
from webapp.retrieval.filters import ATTRIBUTE_PREFIX, SearchFilters
from webapp.retrieval.search_query import MAX_TEXT_LENGTH, SearchQuery, Sort

SORTS = (
    (Sort.RELEVANCE, _("Best match")),
    (Sort.PRICE_ASC, _("Price: low to high")),
    (Sort.PRICE_DESC, _("Price: high to low")),
    (Sort.NEWEST, _("Newest")),
)

BROWSE_SORTS = (SORTS[3], SORTS[1], SORTS[2])
"""A listing without a query has no best match; the newest products come first."""


class SearchParams(SearchQuery):
    """A search query that can be written as a URL, so that every page can be kept and shared.

    `like` is the SKU of the product to find similar ones of; the view sets `similar_to`.
    """

    like: str = ""

    @property
    def is_browse(self) -> bool:
        return super().is_browse and not self.like

    @property
    def is_text_only(self) -> bool:
        return bool(self.text) and not (self.picture_token or self.sound_token or self.like)

    def url(self) -> str:
        """Return the shortest URL of this page. A category without a query has its own path."""
        pairs = list(self._pairs())
        if self.is_browse and self.filters.category:
            path = reverse("shop:category", args=[self.filters.category])
            pairs = [pair for pair in pairs if pair[0] != "category"]
        else:
            path = reverse("shop:search")
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def query_pairs(self) -> list[tuple[str, str]]:
        """Return the parameters of the query itself, without filters, order and page."""
        pairs = [
            ("q", self.text),
            ("picture_token", self.picture_token),
            ("sound_token", self.sound_token),
            ("like", self.like),
        ]
        return [(name, value) for name, value in pairs if value]

    def _pairs(self) -> Iterable[tuple[str, str]]:
        yield from self.query_pairs()
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

    def next_page(self, cursor: str) -> Self:
        return self.model_copy(update={"cursor": cursor})

    def first_page(self) -> Self:
        return self.next_page("")

    def without_sound(self) -> Self:
        return self.model_copy(update={"sound_token": "", "cursor": ""})

    def without_filters(self) -> Self:
        return self._with_filters(SearchFilters())

    def without_value(self, facet: str, value: str) -> Self:
        """Return the first page without one chosen value of a facet."""
        return self._with_filters(self.filters.excluding_value(facet, value))

    def without_price(self) -> Self:
        return self._with_filters(self.filters.excluding("price"))

    def without_stock(self) -> Self:
        return self._with_filters(self.filters.model_copy(update={"in_stock": False}))

    def _with_filters(self, filters: SearchFilters) -> Self:
        return self.model_copy(update={"filters": filters, "cursor": ""})


class SearchForm(forms.Form):
    """The parameters of a results page, with error messages in the shopper's language.

    Unknown parameters are ignored: links from other sites add their own.
    """

    q = forms.CharField(label=_("Words"), required=False, max_length=MAX_TEXT_LENGTH)
    picture_token = forms.CharField(required=False)
    sound_token = forms.CharField(required=False)
    like = forms.CharField(required=False, max_length=64)
    category = forms.SlugField(label=_("Category"), required=False, max_length=160)
    price_min = forms.DecimalField(
        label=_("Lowest price"), required=False, min_value=0, max_digits=12, decimal_places=2
    )
    price_max = forms.DecimalField(
        label=_("Highest price"), required=False, min_value=0, max_digits=12, decimal_places=2
    )
    in_stock = forms.BooleanField(required=False)
    sort = forms.ChoiceField(label=_("Sort by"), required=False, choices=SORTS)
    cursor = forms.CharField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        low, high = cleaned.get("price_min"), cleaned.get("price_max")
        if low is not None and high is not None and low > high:
            self.add_error("price_min", _("The lowest price is above the highest price."))
        return cleaned

    def messages(self) -> list[str]:
        """Return the error messages, each with the label of its field."""
        return [
            f"{self[name].label}: {message}"
            for name, messages in self.errors.items()
            for message in messages
        ]


def parse_search_params(params: QueryDict, *, category: str = "") -> SearchParams:
    """Parse the parameters of a URL; pages of a category pass its slug.

    Raises forms.ValidationError with messages for the shopper, and QueryError for parameters
    that no form of the shop sends.
    """
    form = SearchForm(params)
    if not form.is_valid():
        raise forms.ValidationError(form.messages())
    cleaned = form.cleaned_data
    try:
        return SearchParams(
            text=cleaned["q"],
            picture_token=cleaned["picture_token"],
            sound_token=cleaned["sound_token"],
            like=cleaned["like"],
            filters=_parse_filters(params, cleaned, category),
            sort=Sort(cleaned["sort"] or Sort.RELEVANCE),
            cursor=cleaned["cursor"],
        )
    except pydantic.ValidationError as error:
        raise QueryError(f"invalid parameters: {error}") from error


def _parse_filters(params: QueryDict, cleaned: dict[str, Any], category: str) -> SearchFilters:
    """Return the filters of a URL; `cleaned` holds the validated prices and the stock box."""
    attributes = {
        name.removeprefix(ATTRIBUTE_PREFIX): tuple(dict.fromkeys(filter(None, values)))
        for name, values in params.lists()
        if name.startswith(ATTRIBUTE_PREFIX) and len(name) > len(ATTRIBUTE_PREFIX) and any(values)
    }
    return SearchFilters(
        category=category or cleaned["category"],
        brands=tuple(dict.fromkeys(filter(None, params.getlist("brand")))),
        price_min=_without_exponent(cleaned["price_min"]),
        price_max=_without_exponent(cleaned["price_max"]),
        in_stock=cleaned["in_stock"],
        attributes=attributes,
    )


def _without_exponent(price: Decimal | None) -> Decimal | None:
    """Return 100 for 1E+2, so that URLs stay readable."""
    return None if price is None else Decimal(f"{price:f}")
