"""Filters on catalogue fields: which products a search may return."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Annotated, Self

import numpy as np
from django.db.models import Q, QuerySet
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from search.errors import QueryError
from search.types import Ids
from webapp.catalog.models import Category, Product
from webapp.catalog.product_fields import MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_TEXT, MAX_NAME

ATTRIBUTE_PREFIX = "attr:"

NO_NUL = r"^[^\u0000]*$"
"""No database column holds NUL."""

CategorySlug = Annotated[str, StringConstraints(max_length=160, pattern=r"^[-a-zA-Z0-9_]*$")]
Brand = Annotated[str, StringConstraints(max_length=MAX_NAME, pattern=NO_NUL)]
AttributeName = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE_NAME, pattern=NO_NUL)
]
AttributeValue = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE_TEXT, pattern=NO_NUL)
]
PriceLimit = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=2),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$",
                    "examples": ["12.50"],
                },
                {"type": "integer", "minimum": 0, "maximum": 9_999_999_999},
                {"type": "number", "minimum": 0},
            ]
        }
    ),
]
"""The lowest or highest price: text or a JSON number, taken as it is written."""


class SearchFilters(BaseModel):
    """A product must pass every filter; brands, and values of one attribute, are alternatives."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: CategorySlug = Field(
        "", description="slug of a category; its descendants are included"
    )
    brands: tuple[Brand, ...] = Field((), max_length=100)
    price_min: PriceLimit | None = None
    price_max: PriceLimit | None = None
    in_stock: bool = Field(
        False, description="only products in stock, or whose stock is not counted"
    )
    attributes: dict[
        AttributeName, Annotated[tuple[AttributeValue, ...], Field(min_length=1, max_length=100)]
    ] = Field(default_factory=dict, max_length=50, description="accepted values by attribute name")

    def is_empty(self) -> bool:
        return self == SearchFilters()

    def chosen_values(self, facet: str) -> tuple[str, ...]:
        """Return the values chosen of the facet 'category', 'brand' or 'attr:<name>'."""
        if facet == "category":
            return (self.category,) if self.category else ()
        if facet == "brand":
            return self.brands
        return self.attributes.get(facet.removeprefix(ATTRIBUTE_PREFIX), ())

    def chosen_facets(self) -> list[str]:
        """Return the facets with a chosen value, and 'price' for a price limit."""
        facets = ["category"] if self.category else []
        facets += ["brand"] if self.brands else []
        facets += [ATTRIBUTE_PREFIX + name for name in self.attributes]
        has_price = self.price_min is not None or self.price_max is not None
        return [*facets, "price"] if has_price else facets

    def excluding(self, facet: str) -> Self:
        """Return these filters without the choice of one facet (or without 'price')."""
        if facet == "category":
            return self.model_copy(update={"category": ""})
        if facet == "brand":
            return self.model_copy(update={"brands": ()})
        if facet == "price":
            return self.model_copy(update={"price_min": None, "price_max": None})
        name = facet.removeprefix(ATTRIBUTE_PREFIX)
        attributes = {key: values for key, values in self.attributes.items() if key != name}
        return self.model_copy(update={"attributes": attributes})

    def excluding_value(self, facet: str, value: str) -> Self:
        """Return these filters without one chosen value of a facet."""
        rest = tuple(chosen for chosen in self.chosen_values(facet) if chosen != value)
        filters = self.excluding(facet)
        if not rest or facet == "category":
            return filters
        if facet == "brand":
            return filters.model_copy(update={"brands": rest})
        name = facet.removeprefix(ATTRIBUTE_PREFIX)
        return filters.model_copy(update={"attributes": {**filters.attributes, name: rest}})


def filtered_products(filters: SearchFilters) -> QuerySet[Product]:
    """Return the visible products that pass.

    Raises QueryError for an unknown category, and for a lowest price above the highest.
    """
    products = Product.objects.filter(_field_conditions(filters), visible=True)
    if filters.category:
        path = _get_category(filters.category).path
        products = products.filter(category__path__startswith=path)
    for name, values in filters.attributes.items():
        with_value = Product.objects.filter(
            attribute_values__name=name, attribute_values__value__in=values
        )
        products = products.filter(pk__in=with_value.values("pk"))
    return products


def _get_category(slug: str) -> Category:
    category: Category | None = Category.objects.filter(slug=slug).first()
    if category is None:
        raise QueryError(
            "no such category",
            value=slug,
            fix="Use a category slug as the category facet gives it.",
        )
    return category


def _field_conditions(filters: SearchFilters) -> Q:
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


def allowed_ids(*alternatives: SearchFilters) -> Ids | None:
    """Return the ids of products that pass any of these filters, ascending.

    None stands for every visible product. Raises QueryError as `filtered_products` does.
    """
    if any(filters.is_empty() for filters in alternatives):
        return None
    return functools.reduce(np.union1d, map(_filtered_ids, alternatives))


def _filtered_ids(filters: SearchFilters) -> Ids:
    ids = filtered_products(filters).order_by("pk").values_list("pk", flat=True)
    return np.fromiter(ids.iterator(chunk_size=10_000), np.int64)
