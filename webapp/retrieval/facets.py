"""Facets: how many of the products that passed have which category, brand and attribute value."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from django.db.models import Count, Max, Min, QuerySet
from django.utils.translation import gettext as _

from webapp.catalog.models import AttributeValue, Product
from webapp.retrieval.category_facet import category_values
from webapp.retrieval.filters import ATTRIBUTE_PREFIX, SearchFilters
from webapp.retrieval.results import Facet, FacetValue

MOST_VALUES = 12
MOST_ATTRIBUTES = 6

MatchingProducts = Callable[[SearchFilters], "QuerySet[Product]"]
"""Products that pass the given filters, as a query that can be counted and aggregated."""


def build_facets(filters: SearchFilters, passing: MatchingProducts) -> tuple[Facet, ...]:
    """Category, brand and the commonest attributes. A facet with a choice counts as if that
    choice were not made.
    """
    base = passing(filters)
    names = ["category", "brand", *_attribute_names(filters, base)]
    facets = []
    for name in names:
        products = passing(filters.excluding(name)) if filters.chosen_values(name) else base
        values = _values(name, products, filters.chosen_values(name))
        if values:
            facets.append(Facet(name, _label(name), values))
    return tuple(facets)


def price_range(
    filters: SearchFilters, passing: MatchingProducts
) -> tuple[Decimal, Decimal] | None:
    """Lowest and highest price of what passes when no price is asked for."""
    prices = passing(filters.excluding("price")).aggregate(low=Min("price"), high=Max("price"))
    return None if prices["low"] is None else (prices["low"], prices["high"])


def _label(name: str) -> str:
    if name == "category":
        return _("Category")
    if name == "brand":
        return _("Brand")
    plain = name.removeprefix(ATTRIBUTE_PREFIX)
    return _(plain[:1].upper() + plain[1:].replace("_", " "))


def _attribute_names(filters: SearchFilters, base: QuerySet[Product]) -> list[str]:
    """Chosen attributes first, then those most products have with more than one value."""
    common = (
        AttributeValue.objects.filter(product__in=base.values("pk"))
        .values("name")
        .annotate(products=Count("product", distinct=True), kinds=Count("value", distinct=True))
        .filter(kinds__gt=1)
        .order_by("-products", "name")
        .values_list("name", flat=True)[: MOST_ATTRIBUTES * 2]
    )
    chosen = [name for name, values in filters.attributes.items() if values]
    names = [*chosen, *(name for name in common if name not in chosen)]
    return [ATTRIBUTE_PREFIX + name for name in names[:MOST_ATTRIBUTES]]


def _values(
    name: str, products: QuerySet[Product], selected: tuple[str, ...]
) -> tuple[FacetValue, ...]:
    if name == "category":
        return category_values(products, selected[0] if selected else "")
    counts = _counts(name, products)
    shown = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_VALUES]
    shown += [value for value in selected if value not in shown]
    return tuple(
        FacetValue(value, value, counts.get(value, 0), value in selected) for value in shown
    )


def _counts(name: str, products: QuerySet[Product]) -> dict[str, int]:
    """Products per value of a brand or attribute facet."""
    if name == "brand":
        return dict(
            products.order_by().exclude(brand="").values_list("brand").annotate(n=Count("pk"))
        )
    values = AttributeValue.objects.filter(
        name=name.removeprefix(ATTRIBUTE_PREFIX), product__in=products.values("pk")
    )
    return dict(values.values_list("value").annotate(n=Count("product")))
