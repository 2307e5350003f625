"""Facets: how many matching products have which category, brand and attribute value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal

from django.db.models import Count, Max, Min, QuerySet
from django.utils.translation import gettext as _

from webapp.catalog.models import AttributeValue, Category, Product
from webapp.retrieval.filters import ATTRIBUTE_PREFIX, SearchFilters
from webapp.retrieval.results import Facet, FacetValue

MAX_VALUES = 12
MAX_ATTRIBUTES = 6
PATH_STEP = Category.steplen
"""Characters of a category's path per level of the tree."""

MatchingProducts = Callable[[SearchFilters], "QuerySet[Product]"]
"""Returns the products that match the query and pass the given filters."""


def build_facets(filters: SearchFilters, matching: MatchingProducts) -> tuple[Facet, ...]:
    """Return the facets category, brand and the most common attributes.

    A facet with a choice is counted without that choice, so that another value can be chosen.
    """
    products = matching(filters)
    facets = []
    for name in ["category", "brand", *_attribute_facets(filters, products)]:
        chosen = filters.chosen_values(name)
        counted = matching(filters.excluding(name)) if chosen else products
        if values := _facet_values(name, counted, chosen):
            facets.append(Facet(name, _label(name), values))
    return tuple(facets)


def get_price_range(
    filters: SearchFilters, matching: MatchingProducts
) -> tuple[Decimal, Decimal] | None:
    """Return the lowest and highest price, without the price filter; None without prices."""
    products = matching(filters.excluding("price"))
    prices = products.aggregate(low=Min("price"), high=Max("price"))
    return None if prices["low"] is None else (prices["low"], prices["high"])


def _label(name: str) -> str:
    if name == "category":
        return _("Category")
    if name == "brand":
        return _("Brand")
    label = name.removeprefix(ATTRIBUTE_PREFIX)
    return _(label[:1].upper() + label[1:].replace("_", " "))


def _attribute_facets(filters: SearchFilters, products: QuerySet[Product]) -> list[str]:
    """Return chosen attributes first, then those that most products have, with several values."""
    common = (
        AttributeValue.objects.filter(product__in=products.values("pk"))
        .values("name")
        .annotate(products=Count("product", distinct=True), kinds=Count("value", distinct=True))
        .filter(kinds__gt=1)
        .order_by("-products", "name")
        .values_list("name", flat=True)[: MAX_ATTRIBUTES * 2]
    )
    chosen = list(filters.attributes)
    names = [*chosen, *(name for name in common if name not in chosen)]
    return [ATTRIBUTE_PREFIX + name for name in names[:MAX_ATTRIBUTES]]


def _facet_values(
    name: str, products: QuerySet[Product], chosen: tuple[str, ...]
) -> tuple[FacetValue, ...]:
    if name == "category":
        return category_values(products, chosen[0] if chosen else "")
    counts = _count_values(name, products)
    shown = sorted(counts, key=lambda value: (-counts[value], value))[:MAX_VALUES]
    shown += [value for value in chosen if value not in shown]
    return tuple(FacetValue(value, value, counts.get(value, 0), value in chosen) for value in shown)


def _count_values(name: str, products: QuerySet[Product]) -> dict[str, int]:
    """Return the number of products by value of a brand or attribute facet."""
    if name == "brand":
        brands = products.order_by().exclude(brand="").values_list("brand")
        return dict(brands.annotate(n=Count("pk")))
    values = AttributeValue.objects.filter(
        name=name.removeprefix(ATTRIBUTE_PREFIX), product__in=products.values("pk")
    )
    return dict(values.values_list("value").annotate(n=Count("product")))


def category_values(products: QuerySet[Product], chosen: str) -> tuple[FacetValue, ...]:
    """Return the ancestors of the chosen category, itself, and its children.

    `chosen` is a slug; when it is '', the first level that branches is returned. A category
    counts every product at or below it.
    """
    counts = _count_branches(products)
    nodes = {node.path: node for node in Category.objects.filter(path__in=counts)}
    if chosen and (node := Category.objects.filter(slug=chosen).first()):
        nodes.setdefault(node.path, node)
        ancestors = [path for path in _path_to(node.path) if path in nodes]
        shown = [*ancestors, *_children(nodes, node.path)]
    else:
        shown = _first_branching(nodes)
    return tuple(
        FacetValue(nodes[path].slug, nodes[path].label, counts[path], nodes[path].slug == chosen)
        for path in shown
    )


def _count_branches(products: QuerySet[Product]) -> Counter[str]:
    """Return the number of products at or below each category path that has any."""
    paths = products.order_by().filter(category__isnull=False).values_list("category__path")
    counts: Counter[str] = Counter()
    for path, count in paths.annotate(n=Count("pk")):
        for ancestor in _path_to(path):
            counts[ancestor] += count
    return counts


def _path_to(path: str) -> list[str]:
    """Return the paths from the root down to this one."""
    return [path[:end] for end in range(PATH_STEP, len(path) + 1, PATH_STEP)]


def _children(paths: Iterable[str], parent: str) -> list[str]:
    """Return the paths one level below `parent`, in tree order, which is by name."""
    length = len(parent) + PATH_STEP
    return sorted(path for path in paths if len(path) == length and path.startswith(parent))


def _first_branching(paths: Iterable[str]) -> list[str]:
    parent, shown = "", _children(paths, "")
    while len(shown) == 1 and (below := _children(paths, shown[0])):
        parent, shown = shown[0], below
    return [*_path_to(parent), *shown]
