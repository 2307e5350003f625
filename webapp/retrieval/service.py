"""Search and browse: the entry point for the shop, the REST API and the evaluation."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from search.ranking.engine import StageTimer
from search.types import Hit, StageTimings
from search.vectors.contract import IndexReader
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.retrieval.clip_matches import with_timestamps
from webapp.retrieval.cursor import Position, compute_query_digest, read_cursor, write_cursor
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.facets import MatchingProducts, build_facets, get_price_range
from webapp.retrieval.filters import SearchFilters, allowed_ids, filtered_products
from webapp.retrieval.models_runtime import active_model, live_index
from webapp.retrieval.paging import browse_page, product_id, slice_page, sort_positions
from webapp.retrieval.results import Facet, MediaTokens, ProductHit, SearchResult
from webapp.retrieval.search_query import SearchQuery


@dataclass(frozen=True, slots=True)
class _Page:
    """A page before its facets: hits, number of matches, and what the next page needs."""

    hits: tuple[ProductHit, ...]
    total: int
    next_cursor: str
    index: IndexReader
    window_full: bool = False
    tokens: MediaTokens = field(default_factory=dict)


def search_products(query: SearchQuery) -> SearchResult:
    """Return one page of products. Raises QueryError, InvalidCursor, EncoderError, Unavailable."""
    return _browse(query) if query.is_browse else _search(query)


def _search(query: SearchQuery) -> SearchResult:
    """Rank the products that pass the filters, and return the page after the cursor.

    1. Embed the query and rank it under all filters.
    2. Sort the ranking, and cut out the page.
    3. Load the products of the page, with the timestamps of their evidence.
    4. Count facets over the ranking; facets with a choice over one wider ranking.
    """
    timer = StageTimer()
    model = active_model()
    embedded = EmbeddedQuery(query, model, timer)
    with timer("filter"):
        allowed = allowed_ids(query.filters)
    ranking = embedded.rank(allowed)
    digest = compute_query_digest(query, embedded.tokens)
    after = read_cursor(query.cursor, digest)
    with timer("rank"):
        positions = sort_positions(ranking.hits, query.sort)
    page, has_more = slice_page(positions, after, query.limit)
    with timer("load"):
        hits = with_timestamps(
            _load_hits(page, {hit.product_id: hit for hit in ranking.hits}), model.space
        )
    return _to_result(
        query,
        _Page(
            hits=hits,
            total=len(ranking.hits),
            next_cursor=write_cursor(page[-1], digest) if has_more else "",
            index=embedded.index,
            window_full=ranking.window_full,
            tokens=embedded.tokens,
        ),
        _ranked_products(embedded, [hit.product_id for hit in ranking.hits]),
        timer,
    )


def _ranked_products(embedded: EmbeddedQuery, matching_ids: Sequence[int]) -> MatchingProducts:
    """Return the function by which facets get the products that match under other filters.

    The query is ranked once more, at the first call with other filters: over all products that
    pass if the choice of any one facet is dropped.
    """
    filters = embedded.query.filters

    @functools.cache
    def wider_ids() -> list[int]:
        chosen = filters.chosen_facets()
        allowed = allowed_ids(*(filters.excluding(facet) for facet in chosen))
        return [hit.product_id for hit in embedded.rank(allowed).hits]

    def matching(others: SearchFilters) -> QuerySet[Product]:
        if others == filters:
            return Product.objects.filter(pk__in=matching_ids, visible=True)
        return filtered_products(others).filter(pk__in=wider_ids())

    return matching


def _browse(query: SearchQuery) -> SearchResult:
    """List the products that pass the filters, and return the page after the cursor."""
    timer = StageTimer()
    products = filtered_products(query.filters)
    digest = compute_query_digest(query, {})
    after = read_cursor(query.cursor, digest)
    with timer("filter"):
        page, has_more = browse_page(products, query.sort, after, query.limit)
        total = products.count()
    with timer("load"):
        hits = _load_hits(page, {})
    next_cursor = write_cursor(page[-1], digest) if has_more else ""
    return _to_result(
        query, _Page(hits, total, next_cursor, live_index()), filtered_products, timer
    )


def _to_result(
    query: SearchQuery, page: _Page, matching: MatchingProducts, timer: StageTimer
) -> SearchResult:
    facets: tuple[Facet, ...] = ()
    prices = None
    if query.facets:
        with timer("facets"):
            facets = build_facets(query.filters, matching)
            prices = get_price_range(query.filters, matching)
    return SearchResult(
        hits=page.hits,
        total=page.total,
        window_full=page.window_full,
        facets=facets,
        price_range=prices,
        next_cursor=page.next_cursor,
        tokens=page.tokens,
        timings=StageTimings(dict(timer.stages)),
        generation=page.index.status().generation,
        seq=page.index.seq,
    )


def _load_hits(page: Sequence[Position], ranked: Mapping[int, Hit]) -> tuple[ProductHit, ...]:
    """Load the products of a page with categories and pictures, in two database queries.

    Products that were hidden since the ranking are left out.
    """
    ids = [product_id(position) for position in page]
    visible = Product.objects.filter(pk__in=ids, visible=True).select_related("category")
    products = {product.pk: product for product in visible}
    assets = Asset.objects.filter(product_id__in=products, kind=AssetKind.PICTURE)
    pictures: dict[int, list[Asset]] = {pk: [] for pk in products}
    for asset in assets.order_by("position", "id"):
        pictures[asset.product_id].append(asset)
    unranked = Hit(0, 0.0)
    return tuple(
        ProductHit(
            product=products[pk],
            score=(hit := ranked.get(pk, unranked)).score,
            pictures=tuple(pictures[pk]),
            evidence=hit.evidence,
        )
        for pk in ids
        if pk in products
    )
