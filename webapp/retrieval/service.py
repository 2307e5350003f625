"""Search and browse: one call for pages, API and evaluation alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Prefetch, QuerySet

from search.ranking.engine import StageTimer
from search.types import Hit, StageTimings
from search.vectors.contract import IndexReader
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.retrieval.clip_matches import with_timestamps
from webapp.retrieval.cursor import Position, compute_query_digest, read_cursor, write_cursor
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.facets import MatchingProducts, build_facets, price_range
from webapp.retrieval.filters import SearchFilters, filtered_products
from webapp.retrieval.models_runtime import active_model, live_index
from webapp.retrieval.paging import browse_page, page_after, positions_of, product_id
from webapp.retrieval.results import Facet, MediaTokens, ProductHit, SearchResult
from webapp.retrieval.search_query import SearchQuery


def search_products(request: SearchQuery) -> SearchResult:
    """One page of products. Raises QueryError, InvalidCursor, EncoderError, Unavailable."""
    return _browse(request) if request.is_browse else _search(request)


def _search(request: SearchQuery) -> SearchResult:
    timer = StageTimer()
    answering = active_model()
    question = EmbeddedQuery(request, answering, timer)
    ranking = question.rank(request.filters)
    digest = compute_query_digest(request, question.tokens)
    after = read_cursor(request.cursor, digest)
    with timer("rank"):
        positions = positions_of(ranking.hits, request.sort)
    page, more = page_after(positions, after, request.limit)
    ranked = {hit.product_id: hit for hit in ranking.hits}
    with timer("load"):
        hits = with_timestamps(_load(page, ranked), answering.space)

    def passing(filters: SearchFilters) -> QuerySet[Product]:
        hits = (ranking if filters == request.filters else question.rank(filters)).hits
        return Product.objects.filter(pk__in=[hit.product_id for hit in hits], visible=True)

    return _answer(
        request,
        hits=hits,
        cursor=write_cursor(page[-1], digest) if more else "",
        total=len(ranking.hits),
        window_full=ranking.window_full,
        passing=passing,
        tokens=question.tokens,
        index=question.index,
        timer=timer,
    )


def _browse(request: SearchQuery) -> SearchResult:
    timer = StageTimer()
    products = filtered_products(request.filters)
    digest = compute_query_digest(request, {})
    after = read_cursor(request.cursor, digest)
    with timer("filter"):
        page, more = browse_page(products, request.sort, after, request.limit)
        total = products.count()
    with timer("load"):
        hits = _load(page, {})
    return _answer(
        request,
        hits=hits,
        cursor=write_cursor(page[-1], digest) if more else "",
        total=total,
        window_full=False,
        passing=filtered_products,
        tokens={},
        index=live_index(),
        timer=timer,
    )


def _answer(
    request: SearchQuery,
    *,
    hits: tuple[ProductHit, ...],
    cursor: str,
    total: int,
    window_full: bool,
    passing: MatchingProducts,
    tokens: MediaTokens,
    index: IndexReader,
    timer: StageTimer,
) -> SearchResult:
    filters = request.filters
    facets: tuple[Facet, ...] = ()
    prices = None
    if request.facets:
        with timer("facets"):
            facets, prices = build_facets(filters, passing), price_range(filters, passing)
    return SearchResult(
        hits=hits,
        total=total,
        window_full=window_full,
        facets=facets,
        price_range=prices,
        next_cursor=cursor,
        tokens=tokens,
        timings=StageTimings(dict(timer.stages)),
        generation=index.status().generation,
        seq=index.seq,
    )


def _load(page: Sequence[Position], ranked: Mapping[int, Hit]) -> tuple[ProductHit, ...]:
    """The products of a page with categories and pictures: two queries. One hidden a moment ago
    is left out.
    """
    pictures = Prefetch(
        "assets",
        Asset.objects.filter(kind=AssetKind.PICTURE).order_by("position", "id"),
        to_attr="pictures",
    )
    ids = [product_id(position) for position in page]
    query = (
        Product.objects.filter(pk__in=ids, visible=True)
        .select_related("category")
        .prefetch_related(pictures)
    )
    found = {product.pk: product for product in query}
    unranked = Hit(0, 0.0)
    return tuple(
        ProductHit(found[pk], (hit := ranked.get(pk, unranked)).score, hit.evidence)
        for pk in ids
        if pk in found
    )
