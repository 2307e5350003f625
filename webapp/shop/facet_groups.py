"""Facets as the page shows them: the commonest values at once, the rest folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from webapp.catalog.models import Category
from webapp.retrieval.request import Facet, FacetValue

SHOWN_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """`rest_open`: a chosen value must not be hidden in the fold."""

    name: str
    label: str
    values: tuple[FacetValue, ...]
    rest: tuple[FacetValue, ...]
    rest_open: bool


def facet_groups(facets: Iterable[Facet], category: Category | None) -> list[FacetGroup]:
    """One group per facet. `category` is the chosen one: it is named also where no product stands in it directly."""
    return [_group(facet, category) for facet in facets]


def _group(facet: Facet, category: Category | None) -> FacetGroup:
    values = facet.values
    if facet.name == "category" and category is not None:
        values = tuple(replace(value, label=category.label) if value.selected else value for value in values)
    rest = values[SHOWN_AT_ONCE:]
    return FacetGroup(
        facet.name, facet.label, values[:SHOWN_AT_ONCE], rest, rest_open=any(value.selected for value in rest)
    )
