"""REST and uploads accept, refuse and normalise the same values."""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tests.webapp.importing.catalogues import outcomes, reasons, run
from webapp.api.api_keys import create_api_key
from webapp.api.scopes import Scope
from webapp.catalog.models import Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

DOORS = ["rest", "upload"]
NFD = unicodedata.normalize("NFD", "café")
NFC = unicodedata.normalize("NFC", "café")


class Door:
    """One way by which a product comes in."""

    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self._client = client

    def send(self, sku: str = "A", /, **fields: Any) -> str:
        """Create a product of these fields. Return the reason of a refusal, else an empty text."""
        values = {"title": "Title"} | fields
        if self.name == "rest":
            return self._put(sku, values)
        upload = run([{"sku": sku, **_columns(values)}], kind="jsonl")
        return "; ".join(f"{field}: {reason}" for _, _, field, reason in reasons(upload))

    def _put(self, sku: str, values: dict[str, Any]) -> str:
        url = f"/api/v1/products/{sku}"
        answer = self._client.put(url, json.dumps(values), content_type="application/json")
        if answer.status_code == 201:
            return ""
        problem = answer.json()
        assert answer.status_code == 400, problem
        errors = problem.get("errors", [])
        return "; ".join(f"{one['field']}: {one['reason']}" for one in errors) or problem["detail"]


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of an upload for the fields of a REST document."""
    columns = {name: value for name, value in values.items() if name != "translations"}
    for language, texts in values.get("translations", {}).items():
        columns |= {f"{name}_{language}": text for name, text in texts.items()}
    return columns


@pytest.fixture
def api_client(db: None) -> Client:
    _, token = create_api_key(name="test", scopes=Scope.values)
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, api_client: Client) -> Door:
    return Door(request.param, api_client)


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("title", f" Red \n {NFD} ", f"Red {NFC}"),
        ("title", "x" * 300, "x" * 300),
        ("description", "one\r\ntwo\rthree ", "one\ntwo\nthree"),
        ("description", "x" * 20_000, "x" * 20_000),
        ("brand", f"{NFD}  Ltd", f"{NFC} Ltd"),
        ("price", "12.5", Decimal("12.50")),
        ("price", 12, Decimal("12.00")),
        ("price", "9999999999.99", Decimal("9999999999.99")),
        ("currency", "XAF", "XAF"),
        ("currency", "eur", "EUR"),
        ("stock", 2_147_483_647, 2_147_483_647),
        ("language", "pt-BR", "pt-br"),
        ("language", "de-1996", "de-1996"),
        ("attributes", {NFD: NFD}, {NFC: NFC}),
        ("attributes", {"a": "x" * 200}, {"a": "x" * 200}),
        ("attributes", {"x" * 80: 1}, {"x" * 80: 1}),
        ("attributes", {"a": 10**15}, {"a": 10**15}),
        ("attributes", {"a": [" b ", 2, True]}, {"a": ["b", 2, True]}),
        ("attributes", {"a": ["b"] * 100}, {"a": ["b"] * 100}),
        (
            "attributes",
            {f"a{number}": 1 for number in range(100)},
            {f"a{number}": 1 for number in range(100)},
        ),
        ("visible", False, False),
        (
            "translations",
            {"zh-Hans": {"title": f" {NFD} ", "description": ""}},
            {"zh-hans": {"title": NFC}},
        ),
    ],
)
def test_both_store_the_same_normal_form(
    door: Door, field: str, value: object, stored: object
) -> None:
    fields: dict[str, Any] = {field: value} | ({"currency": "EUR"} if field == "price" else {})
    assert door.send("A", **fields) == ""
    assert getattr(Product.objects.get(), field) == stored


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("title", "x" * 301, "title: is too long, 301 characters (at most 300)"),
        ("title", "a\u0001b", "title: contains a control character"),
        ("title", "  ", "title: must not be empty"),
        ("description", "x" * 20_001, "description: is too long, 20001 characters"),
        ("brand", "x" * 121, "brand: is too long, 121 characters (at most 120)"),
        ("category", ["A"] * 11, "category: has too many levels (at most 10)"),
        ("price", "1.234", "price: is not a valid price (0 to 9999999999.99, at most 2 decimals)"),
        ("price", 10**10, "price: is not a valid price"),
        ("currency", "EURO", "currency: is not a valid currency (a code of ISO 4217"),
        ("currency", "AAA", "currency: is not a valid currency (a code of ISO 4217"),
        ("stock", -1, "stock: is not a valid stock (a whole number, 0 to 2147483647)"),
        ("stock", 2**31, "stock: is not a valid stock"),
        ("language", "english", "language: is not a valid language"),
        ("language", "aa-" + "b" * 9, "language: is not a valid language"),
        ("attributes", {"a": "x" * 201}, "is too long, 201 characters (at most 200)"),
        ("attributes", {"x" * 81: 1}, "is too long, 81 characters (at most 80)"),
        ("attributes", {" ": 1}, "needs a name"),
        ("attributes", {"a": 1e300}, "is too large a number (at most 1e+15)"),
        ("attributes", {"a": ["b"] * 101}, "has too many values (at most 100)"),
        ("attributes", {"a": {"b": 1}}, "is not a valid attribute value"),
        ("attributes", {f"a{number}": 1 for number in range(101)}, "are too many (at most 100)"),
        ("translations", {"zh": {"title": "x" * 301}}, "is too long, 301 characters (at most 300)"),
    ],
)
def test_both_refuse_with_the_same_reason(
    door: Door, field: str, value: object, reason: str
) -> None:
    assert reason in door.send("A", **{field: value})
    assert not Product.objects.exists()


def test_both_need_a_currency_beside_a_price(door: Door) -> None:
    assert "a price needs a currency" in door.send(price="1")


def test_both_create_a_category_of_ten_levels(door: Door) -> None:
    assert door.send(category=[f"Level {number}" for number in range(10)]) == ""
    category = Product.objects.get().category
    assert category is not None and (category.depth, category.name) == (10, "Level 9")


@pytest.mark.parametrize("sku", ["a\u200eb", "a\u2028b"])
def test_both_refuse_invisible_characters_in_a_sku(door: Door, sku: str) -> None:
    assert "is not a valid SKU (1 to 64 characters" in door.send(sku)
    assert not Product.objects.exists()


def test_both_accept_a_sku_of_64_characters_and_no_longer_one(
    door: Door, api_client: Client
) -> None:
    assert door.send("x" * 64) == ""
    if door.name == "upload":
        assert "is not a valid SKU (1 to 64 characters" in door.send("x" * 65)
    else:
        answer = api_client.put(
            f"/api/v1/products/{'x' * 65}", {"title": "T"}, content_type="application/json"
        )
        assert answer.status_code == 404, "no route holds it"
    assert Product.objects.get().sku == "x" * 64


def test_both_write_the_same_product_for_one_sku_in_two_spellings(
    door: Door, api_client: Client
) -> None:
    assert door.send(NFD, title="First") == ""
    assert Product.objects.get().sku == NFC
    assert outcomes(run([{"sku": NFD, "title": "Second"}])) == {NFC: "updated"}
    read = api_client.get(f"/api/v1/products/{NFD}").json()
    assert (read["sku"], read["title"]) == (NFC, "Second")
