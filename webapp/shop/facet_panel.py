"""The filter panel of a results page: facets, and chips for the active filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from webapp.retrieval.results import Facet, FacetValue
from webapp.shop.data_translations import translate_value
from webapp.shop.search_params import SearchParams

MAX_UNFOLDED = 6


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """A facet as shown: `values` are visible, `rest` is folded.

    `rest_open` is set when a value in `rest` is chosen, so that the fold does not hide it.
    """

    name: str
    label: str
    values: tuple[FacetValue, ...]
    rest: tuple[FacetValue, ...]
    rest_open: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter and the URL of the page without it."""

    label: str
    url: str


def group_facets(facets: Iterable[Facet]) -> list[FacetGroup]:
    """Split the values of each facet into the most common ones and the folded rest."""
    return [
        FacetGroup(
            facet.name,
            facet.label,
            facet.values[:MAX_UNFOLDED],
            facet.values[MAX_UNFOLDED:],
            rest_open=any(value.selected for value in facet.values[MAX_UNFOLDED:]),
        )
        for facet in facets
    ]


def build_chips(params: SearchParams, facets: Iterable[FacetGroup]) -> list[Chip]:
    """Return one chip for each chosen facet value, the price range and the stock filter."""
    return [*_facet_chips(params, facets), *_field_chips(params)]


def _facet_chips(params: SearchParams, facets: Iterable[FacetGroup]) -> Iterator[Chip]:
    for facet in facets:
        if facet.name == "category" and params.is_browse:
            continue  # This is the page of that category.
        for value in (*facet.values, *facet.rest):
            if value.selected:
                without = params.without_value(facet.name, value.value)
                yield Chip(translate_value(value.label), without.url())


def _field_chips(params: SearchParams) -> Iterator[Chip]:
    low, high = params.filters.price_min, params.filters.price_max
    if label := _price_label(low, high):
        yield Chip(label, params.without_price().url())
    if params.filters.in_stock:
        yield Chip(_("In stock"), params.without_stock().url())


def _price_label(low: object | None, high: object | None) -> str:
    if low is not None and high is not None:
        return _("Price %(low)s to %(high)s") % {"low": low, "high": high}
    if low is not None:
        return _("Price from %(low)s") % {"low": low}
    if high is not None:
        return _("Price up to %(high)s") % {"high": high}
    return ""
