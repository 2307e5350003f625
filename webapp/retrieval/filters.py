"""Which products may be answered: filters on catalogue fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

import numpy as np
from django.db.models import Q, QuerySet

from search.errors import QueryError
from search.types import Ids
from webapp.catalog.models import Category, Product

ATTRIBUTE_PREFIX = "attr:"


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """All given filters must hold; values of one attribute, and brands, are alternatives of each
    other.
    """

    category: str = ""
    brands: tuple[str, ...] = ()
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    in_stock: bool = False
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def is_empty(self) -> bool:
        return self == SearchFilters()

    def selected(self, facet: str) -> tuple[str, ...]:
        """The values chosen for a facet named 'category', 'brand' or 'attr:<name>'."""
        if facet == "category":
            return (self.category,) if self.category else ()
        if facet == "brand":
            return self.brands
        return tuple(self.attributes.get(facet.removeprefix(ATTRIBUTE_PREFIX), ()))

    def without(self, facet: str) -> Self:
        """These filters with one facet's choice (or 'price') taken back."""
        if facet == "category":
            return replace(self, category="")
        if facet == "brand":
            return replace(self, brands=())
        if facet == "price":
            return replace(self, price_min=None, price_max=None)
        name = facet.removeprefix(ATTRIBUTE_PREFIX)
        return replace(
            self, attributes={key: values for key, values in self.attributes.items() if key != name}
        )


def filtered_products(filters: SearchFilters) -> QuerySet[Product]:
    """Visible products that pass. Raises QueryError for an unknown category or an empty price
    range.
    """
    products = Product.objects.filter(_stored_fields(filters), visible=True)
    if filters.category:
        products = products.filter(category__path__startswith=_category(filters.category).path)
    for name, values in filters.attributes.items():
        if values:
            products = products.filter(
                pk__in=Product.objects.filter(
                    attribute_values__name=name, attribute_values__value__in=values
                ).values("pk")
            )
    return products


def _category(slug: str) -> Category:
    category = Category.objects.filter(slug=slug).first()
    if category is None:
        raise QueryError(
            "no such category",
            value=slug,
            fix="Use a category slug as the category facet gives it.",
        )
    return category


def _stored_fields(filters: SearchFilters) -> Q:
    low, high = filters.price_min, filters.price_max
    if low is not None and high is not None and low > high:
        raise QueryError(
            "the lowest price is above the highest", value=f"{low} > {high}", fix="Swap the two."
        )
    condition = Q()
    if filters.brands:
        condition &= Q(brand__in=filters.brands)
    if low is not None:
        condition &= Q(price__gte=low)
    if high is not None:
        condition &= Q(price__lte=high)
    if filters.in_stock:
        condition &= Q(stock__isnull=True) | Q(stock__gt=0)
    return condition


def allowed_ids(filters: SearchFilters) -> Ids | None:
    """Ascending ids of products that pass; None when every visible product does."""
    if filters.is_empty():
        return None
    ids = filtered_products(filters).order_by("pk").values_list("pk", flat=True)
    return np.fromiter(ids.iterator(chunk_size=10_000), np.int64)
