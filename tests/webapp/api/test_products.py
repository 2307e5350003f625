from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from webapp.catalog.models import Asset, Category, IndexJob, Product, RemovedProduct
from webapp.catalog.selectors.embeddings import get_index_sequence

pytestmark = pytest.mark.django_db

MUG: dict[str, Any] = {
    "title": "Red mug",
    "description": "Holds a third of a litre.",
    "brand": "Alder",
    "category": ["Kitchen", "Mugs"],
    "price": "12.50",
    "currency": "EUR",
    "stock": 3,
    "attributes": {"colour": "red", "dishwasher": True, "sizes": ["S", "M"]},
    "translations": {"zh": {"title": "红色杯子"}},
}


def put(client: Client, sku: str = "MUG-1", **changes: Any) -> Any:
    return client.put(
        f"/api/v1/products/{sku}", {**MUG, **changes}, content_type="application/json"
    )


def test_put_creates_a_product_that_will_be_encoded(caller: Caller) -> None:
    client = caller()
    created = assert_conforms(put(client), "products_put")
    product = Product.objects.get(sku="MUG-1")
    assert created["category"] == ["Kitchen", "Mugs"]
    assert created["price"] == "12.50"
    assert product.index_seq == get_index_sequence() > 0
    assert set(Asset.objects.values_list("role", flat=True)) == {"title", "description"}
    assert IndexJob.objects.filter(state="queued").count() == 2
    assert set(product.attribute_values.values_list("name", "value")) == {
        ("colour", "red"),
        ("dishwasher", "yes"),
        ("sizes", "S"),
        ("sizes", "M"),
    }


def test_put_of_the_same_changes_nothing(caller: Caller) -> None:
    client = caller()
    assert put(client).status_code == 201
    before = get_index_sequence(), Product.objects.get().updated_at
    again = put(client)
    assert again.status_code == 200
    assert (get_index_sequence(), Product.objects.get().updated_at) == before


def test_what_was_read_can_be_written(caller: Caller) -> None:
    client = caller()
    put(client)
    read = assert_conforms(client.get("/api/v1/products/MUG-1"), "products_read")
    written = {name: read[name] for name in (*MUG, "language", "visible")}
    assert (
        client.put("/api/v1/products/MUG-1", written, content_type="application/json").status_code
        == 200
    )
    assert client.get("/api/v1/products/MUG-1").json() == read


def test_put_replaces_what_it_leaves_out(caller: Caller) -> None:
    client = caller()
    put(client)
    client.put("/api/v1/products/MUG-1", {"title": "Plain mug"}, content_type="application/json")
    product = Product.objects.get()
    assert (product.brand, product.price, product.category, product.attributes) == (
        "",
        None,
        None,
        {},
    )


def test_patch_changes_only_what_it_names(caller: Caller) -> None:
    client = caller()
    put(client)
    kept = Asset.objects.get(role="description").pk
    changed = client.patch(
        "/api/v1/products/MUG-1", {"title": "Blue mug"}, content_type="application/json"
    )
    assert assert_conforms(changed, "products_patch")["brand"] == "Alder"
    assert Asset.objects.get(role="title").text == "Blue mug"
    assert Asset.objects.get(role="description").pk == kept


def test_patch_of_nothing_there_is_not_found(caller: Caller) -> None:
    response = caller().patch(
        "/api/v1/products/NONE", {"title": "x"}, content_type="application/json"
    )
    assert response.status_code == 404
    assert not Product.objects.exists()


def test_patch_cannot_take_the_currency_from_a_price(caller: Caller) -> None:
    client = caller()
    put(client)
    response = client.patch(
        "/api/v1/products/MUG-1", {"currency": ""}, content_type="application/json"
    )
    assert response.status_code == 400
    assert Product.objects.get().currency == "EUR"


def test_delete_leaves_the_trace_that_readers_need(caller: Caller) -> None:
    client = caller()
    put(client)
    assert client.delete("/api/v1/products/MUG-1").status_code == 204
    assert RemovedProduct.objects.get().sku == "MUG-1"
    assert client.delete("/api/v1/products/MUG-1").status_code == 404


def test_a_sku_with_a_slash_has_its_address(caller: Caller) -> None:
    client = caller()
    assert put(client, "A%2F1 ü").status_code == 201
    assert client.get("/api/v1/products/A%2F1 ü").json()["sku"] == "A/1 ü"
    assert client.get("/api/v1/products/A%2F1 ü/assets").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 301),
        ("title", 5),
        ("brand", "a\u0000b"),
        ("price", "-1"),
        ("price", "1.234"),
        ("price", True),
        ("price", "NaN"),
        ("stock", 2**31),
        ("stock", "3"),
        ("stock", 1.5),
        ("currency", "euro"),
        ("category", ["a"] * 11),
        ("category", "Kitchen"),
        ("visible", "yes"),
        ("language", "not a language"),
    ],
)
def test_a_wrong_field_is_named(caller: Caller, field: str, value: Any) -> None:
    problem = assert_conforms(put(caller(), **{field: value}), "products_put")
    assert problem["status"] == 400
    assert problem["errors"][0]["field"].split(".")[0] == field
    assert not Product.objects.exists()


def test_an_unknown_field_is_named(caller: Caller) -> None:
    problem = put(caller(), colour="red").json()
    assert [error["field"] for error in problem["errors"]] == ["colour"]


def make_products(count: int) -> None:
    root = Category.objects.add_root({"name": "Kitchen", "slug": "kitchen"})
    leaf = Category.objects.add_child(root, {"name": "Mugs", "slug": "mugs"})
    Product.objects.bulk_create(
        [
            Product(
                sku=f"P{number}",
                title="t",
                category=leaf if number % 2 else root,
                visible=number != 3,
            )
            for number in range(count)
        ]
    )


def test_pages_cover_every_product_once(caller: Caller) -> None:
    make_products(7)
    client, cursor, seen = caller(), "", []
    while True:
        page = assert_conforms(
            client.get("/api/v1/products", {"limit": "3", "cursor": cursor}), "products_list"
        )
        seen += [item["sku"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [f"P{number}" for number in range(7)]


def test_queries_do_not_grow_with_the_page(
    caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_products(9)
    client = caller()
    client.get("/api/v1/products")
    for limit in (1, 9):
        # The key, the products, their pictures, the categories above them.
        with django_assert_num_queries(4):
            client.get("/api/v1/products", {"limit": limit})


def test_a_cursor_belongs_to_its_filters(caller: Caller) -> None:
    make_products(7)
    client = caller()
    cursor = client.get("/api/v1/products", {"limit": 3}).json()["next_cursor"]
    for wrong in (
        {"cursor": cursor, "category": "mugs"},
        {"cursor": cursor + "x"},
        {"cursor": "nonsense"},
    ):
        problem = client.get("/api/v1/products", wrong)
        assert (problem.status_code, problem.json()["code"]) == (400, "bad_cursor")


def test_a_category_includes_what_is_below_it(caller: Caller) -> None:
    make_products(6)
    client = caller()
    assert len(client.get("/api/v1/products", {"category": "kitchen"}).json()["items"]) == 6
    assert len(client.get("/api/v1/products", {"category": "mugs"}).json()["items"]) == 3
    assert client.get("/api/v1/products", {"category": "none"}).status_code == 400


def test_hidden_products_show_only_to_those_who_may_read_the_catalogue(
    client: Client, caller: Caller
) -> None:
    make_products(5)
    assert len(caller().get("/api/v1/products").json()["items"]) == 5
    assert len(client.get("/api/v1/products").json()["items"]) == 4
    assert client.get("/api/v1/products", {"visible": "false"}).json()["items"] == []
    assert client.get("/api/v1/products/P3").status_code == 404
    assert caller("search").get("/api/v1/products/P3").status_code == 404
    assert caller("catalog:read").get("/api/v1/products/P3").status_code == 200
