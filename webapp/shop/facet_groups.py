"""Facets as the page shows them: the commonest values at once, the rest folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.retrieval.search_query import Facet, FacetValue

SHOWN_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """`rest_open`: a chosen value must not be hidden in the fold."""

    name: str
    label: str
    values: tuple[FacetValue, ...]
    rest: tuple[FacetValue, ...]
    rest_open: bool


def facet_groups(facets: Iterable[Facet]) -> list[FacetGroup]:
    """One group per facet."""
    return [_group(facet) for facet in facets]


def _group(facet: Facet) -> FacetGroup:
    shown, rest = facet.values[:SHOWN_AT_ONCE], facet.values[SHOWN_AT_ONCE:]
    return FacetGroup(
        facet.name, facet.label, shown, rest, rest_open=any(value.selected for value in rest)
    )
