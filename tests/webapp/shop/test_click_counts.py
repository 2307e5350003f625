"""The click log in the database."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from webapp.catalog.models import Product
from webapp.catalog.services.index_sequence import products_remove
from webapp.shop.models import LONGEST_QUERY, ClickCount
from webapp.shop.selectors.clicks import clicked_queries
from webapp.shop.services.clicks import clicks_add, clicks_prune, query_normalise


def products(count: int) -> list[int]:
    return [Product.objects.create(sku=f"P-{n}", title=f"Thing {n}").pk for n in range(count)]


def click(query: str, product_id: int, *, days_ago: int = 0, count: int = 1) -> None:
    day = timezone.now().date() - dt.timedelta(days=days_ago)
    ClickCount.objects.create(query=query, product_id=product_id, day=day, count=count)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("  Red\tMUG \n", "red mug"),
        ("Ｒｅｄ　ｍｕｇ", "red mug"),
        ("STRASSE", query_normalise("Straße")),
        ("é", query_normalise("e\u0301")),
        ("红色 杯子", "红色 杯子"),
        (" ", ""),
        ("m" * LONGEST_QUERY, "m" * LONGEST_QUERY),
        ("m" * (LONGEST_QUERY + 1), ""),
        ("\ufdfa" * 20, ""),
    ],
)
def test_a_query_is_normalised(text: str, query: str) -> None:
    assert query_normalise(text) == query
    assert query_normalise(query) == query


@pytest.mark.django_db
def test_clicks_add_up_by_query_product_and_day() -> None:
    one, two = products(2)
    click("mug", one, days_ago=1, count=5)
    clicks_add({("mug", one): 1, ("mug", two): 2})
    clicks_add({("mug", two): 3, ("lamp", one): 1})
    assert ClickCount.objects.count() == 4
    assert list(clicked_queries()) == [("lamp", one, 1), ("mug", one, 6), ("mug", two, 5)]


@pytest.mark.django_db(transaction=True)
def test_no_click_is_lost_when_many_count_at_once() -> None:
    ids = products(3)

    def count(worker: int) -> None:
        try:
            for _ in range(10):
                order = ids if worker % 2 else ids[::-1]
                clicks_add({("mug", product_id): 1 for product_id in order})
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(6)))
    assert list(clicked_queries()) == [("mug", product_id, 60) for product_id in ids]


@pytest.mark.django_db(transaction=True)
def test_all_or_nothing_where_a_product_is_gone() -> None:
    (one,) = products(1)
    with pytest.raises(Product.DoesNotExist):
        clicks_add({("mug", one): 1, ("mug", one + 1): 1})
    assert list(clicked_queries()) == []


@pytest.mark.django_db
def test_old_days_are_forgotten(settings: Any) -> None:
    settings.CLICK_LOG_DAYS = 30
    (one,) = products(1)
    for days_ago in (0, 30, 31, 400):
        click("mug", one, days_ago=days_ago)
    assert clicks_prune() == 2
    assert list(clicked_queries()) == [("mug", one, 2)]


@pytest.mark.django_db
def test_clicks_go_with_their_product() -> None:
    one, two = products(2)
    clicks_add({("mug", one): 1, ("mug", two): 1})
    products_remove([one])
    assert list(clicked_queries()) == [("mug", two, 1)]


def test_nothing_about_the_shopper_has_a_column() -> None:
    assert {field.name for field in ClickCount._meta.get_fields()} == {
        "id",
        "query",
        "product",
        "day",
        "count",
    }
