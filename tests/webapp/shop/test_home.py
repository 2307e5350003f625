"""The home page."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support.encoders import ColourEncoder
from tests.webapp.shop.stock import categories, stock
from webapp.catalog.models import Product
from webapp.shop.views.home import get_departments

pytestmark = pytest.mark.django_db


def test_departments_and_new_products(client: Client, encoder: ColourEncoder) -> None:
    stock(encoder)
    page = client.get("/").content.decode()
    assert 'href="/c/kitchen/"' in page
    assert page.index("blue lamp 11") < page.index("green mug 10")


def test_departments_without_visible_products_are_left_out(encoder: ColourEncoder) -> None:
    categories()
    assert get_departments() == []
    lamp = stock(encoder, 2)[1]
    assert [department.category.slug for department in get_departments()] == ["kitchen", "lamps"]
    assert all(department.cover.startswith("assets/") for department in get_departments())
    Product.objects.filter(pk=lamp.pk).update(visible=False)
    assert [department.category.slug for department in get_departments()] == ["mugs"]


def test_children_of_a_single_root_are_the_departments(encoder: ColourEncoder) -> None:
    stock(encoder, 4)
    Product.objects.filter(category__slug="lamps").delete()
    assert [department.category.slug for department in get_departments()] == ["mugs"]


def test_an_empty_shop_says_so(client: Client, encoder: ColourEncoder) -> None:
    assert "There are no products yet" in client.get("/").content.decode()


def test_the_number_of_queries_does_not_grow(
    client: Client, encoder: ColourEncoder, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    stock(encoder, 4)
    client.get("/")
    with django_assert_max_num_queries(20) as few:
        client.get("/")
    query_count = len(few.captured_queries)
    stock(encoder, 20, first=4)
    client.get("/")
    with django_assert_max_num_queries(query_count):
        client.get("/")
