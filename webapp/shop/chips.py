"""Chips: the filters in force, each with the address of the page without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from webapp.shop.data_translations import spoken
from webapp.shop.facet_groups import FacetGroup
from webapp.shop.search_params import Wish


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    url: str


def active_chips(wish: Wish, facets: Iterable[FacetGroup]) -> list[Chip]:
    """One chip per chosen facet value, price range and stock filter."""
    return [*_facet_chips(wish, facets), *_field_chips(wish)]


def _facet_chips(wish: Wish, facets: Iterable[FacetGroup]) -> Iterator[Chip]:
    for facet in facets:
        if facet.name == "category" and wish.is_browse:
            continue  # The page itself is that category's.
        for value in (*facet.values, *facet.rest):
            if value.selected:
                yield Chip(spoken(value.label), wish.without_value(facet.name, value.value).url())


def _field_chips(wish: Wish) -> Iterator[Chip]:
    low, high = wish.filters.price_min, wish.filters.price_max
    if low is not None and high is not None:
        yield Chip(
            _("Price %(low)s to %(high)s") % {"low": low, "high": high}, wish.without_price().url()
        )
    elif low is not None:
        yield Chip(_("Price from %(low)s") % {"low": low}, wish.without_price().url())
    elif high is not None:
        yield Chip(_("Price up to %(high)s") % {"high": high}, wish.without_price().url())
    if wish.filters.in_stock:
        yield Chip(_("In stock"), wish.without_stock().url())
