"""The category facet walks down the tree: one step below what is chosen, counting whole
branches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db.models import Count, QuerySet

from webapp.catalog.models import Category, Product
from webapp.retrieval.results import FacetValue

STEP = Category.steplen
"""Characters of a node's path per level of the tree."""


def category_values(products: QuerySet[Product], selected: str) -> tuple[FacetValue, ...]:
    """The way down to the chosen category, then its children; with none chosen the first level
    that branches.

    `selected` is a slug or empty. A branch counts every product below it.
    """
    counts = _branch_counts(products)
    nodes = {node.path: node for node in Category.objects.filter(path__in=counts)}
    if selected and (node := Category.objects.filter(slug=selected).first()):
        nodes.setdefault(node.path, node)
        way = [path for path in _way(node.path) if path in nodes]
        shown = [*way, *_children(nodes, node.path)]
    else:
        shown = _first_branching(nodes)
    return tuple(
        FacetValue(nodes[path].slug, nodes[path].label, counts[path], nodes[path].slug == selected)
        for path in shown
    )


def _branch_counts(products: QuerySet[Product]) -> Counter[str]:
    """Products at or below every category path that has any."""
    rows = (
        products.order_by()
        .filter(category__isnull=False)
        .values_list("category__path")
        .annotate(n=Count("pk"))
    )
    counts: Counter[str] = Counter()
    for path, count in rows:
        for upper in _way(path):
            counts[upper] += count
    return counts


def _way(path: str) -> list[str]:
    """The paths from the root down to this one."""
    return [path[:end] for end in range(STEP, len(path) + 1, STEP)]


def _children(paths: Iterable[str], parent: str) -> list[str]:
    """Paths are in the order of the tree, which is by name."""
    return sorted(
        path for path in paths if len(path) == len(parent) + STEP and path.startswith(parent)
    )


def _first_branching(paths: Iterable[str]) -> list[str]:
    parent, shown = "", _children(paths, "")
    while len(shown) == 1 and (below := _children(paths, shown[0])):
        parent, shown = shown[0], below
    return [*_way(parent), *shown]
