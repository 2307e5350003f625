"""The click log in the database."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from webapp.catalog.models import Product
from webapp.catalog.services.products import remove_products
from webapp.clicklog.models import MAX_QUERY_LENGTH, ClickCount
from webapp.clicklog.selectors import clicked_queries
from webapp.clicklog.services import add_clicks, normalise_query, prune_clicks


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
        ("STRASSE", normalise_query("Straße")),
        ("é", normalise_query("e\u0301")),
        ("红色 杯子", "红色 杯子"),
        (" ", ""),
        ("m" * MAX_QUERY_LENGTH, "m" * MAX_QUERY_LENGTH),
        ("m" * (MAX_QUERY_LENGTH + 1), ""),
        ("\ufdfa" * 20, ""),
    ],
)
def test_a_query_is_normalised(text: str, query: str) -> None:
    assert normalise_query(text) == query
    assert normalise_query(query) == query


@pytest.mark.django_db
def test_clicks_add_up_by_query_product_and_day() -> None:
    one, two = products(2)
    click("mug", one, days_ago=1, count=5)
    add_clicks({("mug", one): 1, ("mug", two): 2})
    add_clicks({("mug", two): 3, ("lamp", one): 1})
    assert ClickCount.objects.count() == 4
    assert list(clicked_queries()) == [("lamp", one, 1), ("mug", one, 6), ("mug", two, 5)]


@pytest.mark.django_db(transaction=True)
def test_no_click_is_lost_when_many_count_at_once() -> None:
    ids = products(3)

    def count(worker: int) -> None:
        try:
            for _ in range(10):
                order = ids if worker % 2 else ids[::-1]
                add_clicks({("mug", product_id): 1 for product_id in order})
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(6)))
    assert list(clicked_queries()) == [("mug", product_id, 60) for product_id in ids]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_counted_when_a_product_is_gone() -> None:
    (one,) = products(1)
    with pytest.raises(Product.DoesNotExist):
        add_clicks({("mug", one): 1, ("mug", one + 1): 1})
    assert list(clicked_queries()) == []


@pytest.mark.django_db
def test_old_days_are_deleted(settings: Any) -> None:
    settings.CLICK_LOG_DAYS = 30
    (one,) = products(1)
    for days_ago in (0, 30, 31, 400):
        click("mug", one, days_ago=days_ago)
    assert prune_clicks() == 2
    assert list(clicked_queries()) == [("mug", one, 2)]


@pytest.mark.django_db
def test_clicks_are_deleted_with_their_product() -> None:
    one, two = products(2)
    add_clicks({("mug", one): 1, ("mug", two): 1})
    remove_products([one])
    assert list(clicked_queries()) == [("mug", two, 1)]


def test_no_column_holds_anything_about_the_shopper() -> None:
    assert {field.name for field in ClickCount._meta.get_fields()} == {
        "id",
        "query",
        "product",
        "day",
        "count",
    }
