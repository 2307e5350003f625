"""Search and browse over the database and a live index."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from pydantic import ValidationError
from pytest_django import DjangoAssertNumQueries

from search.errors import InvalidCursor, QueryError
from search.ranking.engine import Ranking
from tests.webapp.retrieval.stored_shop import direction, make_shop
from webapp.catalog.models import Product
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.products import remove_products
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.filters import SearchFilters
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.query_media import read_token, write_token
from webapp.retrieval.results import SearchResult
from webapp.retrieval.search_query import SearchQuery, Sort
from webapp.retrieval.service import search_products

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]


@pytest.fixture
def shop() -> list[Product]:
    return make_shop()


def mug_picture() -> str:
    return write_token(direction(1), active_space())


def slug_of(product: Product) -> str:
    return product.category.slug if product.category else ""


def all_pages(search_page: Callable[[str], SearchResult]) -> list[str]:
    skus, cursor = [], ""
    while True:
        result = search_page(cursor)
        skus += [hit.product.sku for hit in result.hits]
        cursor = result.next_cursor
        if not cursor:
            return skus


def test_a_query_ranks_its_own_kind_first(shop: list[Product]) -> None:
    result = search_products(SearchQuery(picture_token=mug_picture(), limit=10))
    assert {slug_of(hit.product) for hit in result.hits} == {"mugs"}
    assert result.hits[0].score >= result.hits[-1].score > 0
    assert result.hits[0].evidence[0].modality == "text"


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("search", [True, False])
def test_pages_follow_each_other_without_gap_or_repetition(
    shop: list[Product], sort: Sort, search: bool
) -> None:
    token = mug_picture() if search else ""
    skus = all_pages(
        lambda c: search_products(SearchQuery(picture_token=token, sort=sort, cursor=c, limit=7))
    )
    whole = search_products(SearchQuery(picture_token=token, sort=sort, limit=100))
    assert skus == [hit.product.sku for hit in whole.hits]
    assert len(set(skus)) == len(skus) == 30


@pytest.mark.parametrize("search", [True, False])
def test_price_order_puts_products_without_price_last(shop: list[Product], search: bool) -> None:
    token = mug_picture() if search else ""
    for sort, reverse in ((Sort.PRICE_ASC, False), (Sort.PRICE_DESC, True)):
        hits = search_products(SearchQuery(picture_token=token, sort=sort, limit=100)).hits
        assert hits[-1].product.price is None
        prices = [hit.product.price for hit in hits if hit.product.price is not None]
        assert len(prices) == len(hits) - 1
        assert prices == sorted(prices, reverse=reverse)


def test_a_cursor_survives_an_insertion_between_pages(shop: list[Product]) -> None:
    first = search_products(SearchQuery(limit=10))
    Product.objects.create(sku="NEW", title="New", visible=True)
    second = search_products(SearchQuery(limit=10, cursor=first.next_cursor))
    assert not {hit.product.sku for hit in first.hits} & {hit.product.sku for hit in second.hits}


def test_forged_cursors_and_those_of_another_search_are_rejected(shop: list[Product]) -> None:
    cursor = search_products(SearchQuery(limit=5)).next_cursor
    for bad in (
        SearchQuery(limit=5, cursor=cursor, sort=Sort.PRICE_ASC),
        SearchQuery(cursor=cursor[:-2] + "xx"),
    ):
        with pytest.raises(InvalidCursor):
            search_products(bad)


@pytest.mark.parametrize("search", [True, False])
def test_filters(shop: list[Product], search: bool) -> None:
    token = mug_picture() if search else ""

    def matching(**filters: Any) -> list[Product]:
        request = SearchQuery(picture_token=token, filters=SearchFilters(**filters), limit=100)
        return [hit.product for hit in search_products(request).hits]

    kitchen = matching(category="kitchen")
    assert kitchen and {slug_of(product) for product in kitchen} == {"mugs"}
    assert {product.brand for product in matching(brands=("Birch",))} == {"Birch"}
    assert {
        product.attributes["colour"] for product in matching(attributes={"colour": ("red", "blue")})
    } == {
        "red",
        "blue",
    }
    assert {
        product.sku for product in matching(attributes={"tags": ("t1",), "colour": ("red",)})
    } == {product.sku for product in shop if int(product.sku[-3:]) % 15 == 6}
    assert all(product.stock for product in matching(in_stock=True))
    bounded = matching(price_min=Decimal(20), price_max=Decimal(25))
    assert {product.price for product in bounded} == {Decimal(n) for n in range(20, 26)}
    assert len(bounded) == 6


def test_impossible_filters_are_rejected(shop: list[Product]) -> None:
    for filters in (
        SearchFilters(category="nowhere"),
        SearchFilters(price_min=Decimal(9), price_max=Decimal(1)),
    ):
        with pytest.raises(QueryError):
            search_products(SearchQuery(filters=filters))


@pytest.mark.parametrize("search", [True, False])
def test_facets_count_matching_products_and_ignore_their_own_choice(
    shop: list[Product], search: bool
) -> None:
    token = mug_picture() if search else ""
    filters = SearchFilters(brands=("Birch",), attributes={"colour": ("red",)})
    facets = {
        f.name: f for f in search_products(SearchQuery(picture_token=token, filters=filters)).facets
    }
    birch = [product for product in shop if product.brand == "Birch"]
    counted = {value.value: value.count for value in facets["attr:colour"].values}
    assert counted == {
        c: sum(p.attributes["colour"] == c for p in birch) for c in ("red", "green", "blue")
    }
    assert [value.value for value in facets["attr:colour"].values if value.selected] == ["red"]
    assert {value.value for value in facets["brand"].values} == {"Alder", "Birch"}


def test_facets_with_choices_rank_the_query_once_more(
    shop: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    rankings: list[EmbeddedQuery] = []
    rank = EmbeddedQuery.rank

    def counted(query: EmbeddedQuery, *args: Any, **options: Any) -> Ranking:
        rankings.append(query)
        return rank(query, *args, **options)

    monkeypatch.setattr(EmbeddedQuery, "rank", counted)
    choices = SearchFilters(
        category="kitchen",
        brands=("Birch",),
        attributes={"colour": ("red",)},
        price_max=Decimal(30),
    )
    for filters, count in ((SearchFilters(), 1), (choices, 2)):
        rankings.clear()
        result = search_products(SearchQuery(picture_token=mug_picture(), filters=filters))
        assert result.facets and len(rankings) == count


def test_facets_of_several_choices_each_ignore_their_own(shop: list[Product]) -> None:
    """A search and a listing count the same: all products of this shop fit in a ranking."""
    filters = SearchFilters(
        category="kitchen",
        brands=("Birch",),
        attributes={"colour": ("red", "blue")},
        price_min=Decimal(12),
    )
    searched = search_products(SearchQuery(picture_token=mug_picture(), filters=filters))
    listed = search_products(SearchQuery(filters=filters))
    assert searched.total == listed.total and searched.facets == listed.facets
    assert searched.price_range == listed.price_range


def test_hidden_and_deleted_products_disappear_at_once(shop: list[Product]) -> None:
    request = SearchQuery(picture_token=mug_picture(), limit=100)
    first, second = [hit.product for hit in search_products(request).hits[:2]]
    with transaction.atomic():
        Product.objects.filter(pk=first.pk).update(visible=False)
        mark_changed([first.pk])
    remove_products([second.pk])
    assert {first.pk, second.pk}.isdisjoint(hit.product.pk for hit in search_products(request).hits)


def test_similar_products_exclude_the_product(shop: list[Product]) -> None:
    hits = search_products(SearchQuery(similar_to=shop[0].pk, limit=5)).hits
    assert shop[0].pk not in {hit.product.pk for hit in hits}
    assert {hit.product.category_id for hit in hits} == {shop[0].category_id}


def test_similar_to_a_product_without_embeddings_is_empty(shop: list[Product]) -> None:
    without_embeddings = Product.objects.create(sku="NEW", title="New")
    assert search_products(SearchQuery(similar_to=without_embeddings.pk)).hits == ()


def test_the_number_of_queries_does_not_grow_with_the_page(
    shop: list[Product], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    search_products(SearchQuery(picture_token=mug_picture()))
    with django_assert_max_num_queries(22):
        search_products(SearchQuery(picture_token=mug_picture(), limit=3))
    with django_assert_max_num_queries(22):
        search_products(SearchQuery(picture_token=mug_picture(), limit=30))


def test_a_picture_token_keeps_the_direction_and_is_bound_to_the_space() -> None:
    space = active_space()
    vector = direction(8)
    assert read_token(write_token(vector, space), space) @ vector > 0.999
    with pytest.raises(QueryError):
        read_token(write_token(vector, space) + "x", space)


def test_queries_over_the_limits_are_rejected() -> None:
    for bad in ({"limit": 0}, {"limit": 101}, {"text": "x" * 1001}, {"text": "a\0b"}):
        with pytest.raises(ValidationError):
            SearchQuery(**bad)


def category_facet(result: SearchResult) -> dict[str, int]:
    facet = next(facet for facet in result.facets if facet.name == "category")
    return {value.value: value.count for value in facet.values}


def test_the_category_facet_counts_branches_and_walks_down(shop: list[Product]) -> None:
    mugs = sum(slug_of(product) == "mugs" for product in shop)
    assert category_facet(search_products(SearchQuery())) == {
        "kitchen": mugs,
        "lamps": len(shop) - mugs,
    }
    inside = category_facet(search_products(SearchQuery(filters=SearchFilters(category="kitchen"))))
    assert inside == {"kitchen": mugs, "mugs": mugs}
    only_mugs = SearchQuery(filters=SearchFilters(price_min=Decimal(10), price_max=Decimal(11)))
    assert category_facet(search_products(only_mugs)) == {"kitchen": 2, "mugs": 2}
