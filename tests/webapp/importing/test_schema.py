"""Every column with the cells that it accepts and refuses; an absent cell is not an empty one."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.importing.raw_rows import FieldProblem, RawRow
from webapp.importing.schema import ProductRow, parse_row, problems_for_new


def parsed(**fields: Any) -> ProductRow:
    row = parse_row(RawRow(2, {"sku": "s1", **fields}))
    assert isinstance(row, ProductRow), row
    return row


def refused(**fields: Any) -> list[FieldProblem]:
    problems = parse_row(RawRow(2, {"sku": "s1", **fields}))
    assert isinstance(problems, list)
    return problems


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("sku", "  A-1 ", "A-1"),
        ("sku", 1234, "1234"),
        ("sku", 1234.0, "1234"),
        ("title", " Red \n mug ", "Red mug"),
        ("title", "cafe\u0301", "café"),
        ("title", 7.5, "7.5"),
        ("description", "one\r\ntwo\rthree\t4 ", "one\ntwo\nthree\t4"),
        ("brand", "Ørsted", "Ørsted"),
        ("category", "Kitchen > Mugs & cups", ["Kitchen", "Mugs & cups"]),
        ("category", ["Kitchen", "A/B"], ["Kitchen", "A/B"]),
        ("price", "12.5", Decimal("12.50")),
        ("price", " 0 ", Decimal("0.00")),
        ("price", 12, Decimal("12.00")),
        ("price", 12.299999999999999, Decimal("12.30")),
        ("price", "9999999999.99", Decimal("9999999999.99")),
        ("currency", " eur", "EUR"),
        ("currency", "CNY", "CNY"),
        ("stock", "7", 7),
        ("stock", 7.0, 7),
        ("stock", 0, 0),
        ("language", "zh_Hans", "zh-hans"),
        ("language", "pt-BR", "pt-br"),
        ("visible", "Yes", True),
        ("visible", 0, False),
        ("visible", False, False),
        ("visible", "TRUE", True),
        ("images", "a.jpg| b/c.png |a.jpg|", ["a.jpg", "b/c.png"]),
        (
            "images",
            ["./a.jpg", "https://x.example/p.jpg?q=1"],
            ["a.jpg", "https://x.example/p.jpg?q=1"],
        ),
        ("video", "../clips/./v.mp4", ["../clips/v.mp4"]),
    ],
)
def test_accepted_cells(field: str, value: object, expected: object) -> None:
    row = parsed(**{field: value})
    assert getattr(row, field) == expected
    assert row.gives(field)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("sku", "x" * 65, "1 to 64 characters"),
        ("sku", "a\tb", "no control characters"),
        ("sku", "a\u200eb", "no control characters"),
        ("sku", "", "is missing"),
        ("sku", ["a"], "not text"),
        ("title", "x" * 301, "at most 300"),
        ("title", "a\0b", "control character"),
        ("title", "a\ud800b", "control character"),
        ("title", "", "must not be empty"),
        ("title", {"a": 1}, "not text"),
        ("title", 10**400, "not text"),
        ("description", "x" * 20_001, "at most 20000"),
        ("brand", "x" * 121, "at most 120"),
        ("category", "A > > B", "without a name"),
        ("category", "A>B", "spaces around"),
        ("category", " > ".join("abcdefghijk"), "at most 10"),
        ("category", ["A", 3.5, None], "not text"),
        ("price", "12,50", "decimal point, no comma"),
        ("price", "€12", "decimal point"),
        ("price", "-1", "decimal point"),
        ("price", -1, "0 to 9999999999.99"),
        ("price", "1.234", "at most 2 decimals"),
        ("price", 10**10, "0 to 9999999999.99"),
        ("price", "1" * 39, "0 to 9999999999.99"),
        ("price", math.inf, "0 to"),
        ("price", math.nan, "0 to"),
        ("price", True, "0 to"),
        ("price", "١٢", "0 to|decimal point"),
        ("currency", "EURO", "ISO 4217"),
        ("currency", "€", "ISO 4217"),
        ("stock", "-1", "whole number"),
        ("stock", 1.5, "whole number"),
        ("stock", 2**31, "0 to 2147483647"),
        ("stock", "9" * 5000, "whole number"),
        ("stock", True, "whole number"),
        ("language", "english", "zh-hans"),
        ("visible", "maybe", "must be yes or no"),
        ("visible", 2, "must be yes or no"),
        ("attributes", "{nonsense", "JSON object"),
        ("attributes", [1], "not an object"),
        ("attributes", {"a": {"b": 1}}, "not a valid attribute value"),
        ("attributes", {"a": ["b", {}]}, "not a valid attribute value"),
        ("attributes", {"a": 1e300}, r"at most 1e\+15"),
        ("attributes", {"a": "x" * 201}, "at most 200"),
        ("attributes", {"x" * 81: 1}, "at most 80"),
        ("attributes", {" ": 1}, "needs a name"),
        ("attributes", {f"a{n}": n for n in range(101)}, "at most 100"),
        ("attr:a", "|".join("x" * 101), "at most 100"),
        ("attr:a", "x" * 201, "at most 200"),
        ("images", "/etc/passwd", "relative path"),
        ("images", "C:\\pictures\\a.jpg", "relative path"),
        ("images", "a\\b.jpg", "relative path"),
        ("images", "file:///etc/passwd", "relative path"),
        ("images", "data:image/png;base64,xx", "relative path"),
        ("images", ["a\0.jpg"], "control character"),
        ("images", "x" * 2001, "1 to 2000 characters"),
        ("images", "|".join(f"{n}.jpg" for n in range(51)), "at most 50"),
        ("images", {"a": 1}, "list of paths"),
        ("title_zh", "x" * 301, "at most 300"),
    ],
)
def test_refused_cells_name_field_and_limit(field: str, value: object, words: str) -> None:
    problems = refused(**{field: value})
    assert [problem.field for problem in problems] == [field]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(str(problems[0]))


def test_an_absent_cell_leaves_and_an_empty_cell_clears() -> None:
    absent = parsed(title="T")
    empty = parsed(title="T", price="", stock=None, brand=" ", images=[], category="", visible="")
    row = {"number", "sku", "title"}
    assert absent.model_fields_set == row
    assert empty.model_fields_set == row | {"price", "stock", "brand", "images", "category"}
    cleared = (empty.price, empty.stock, empty.brand, empty.images, empty.category)
    assert cleared == (None, None, "", [], [])


def test_a_new_product_needs_a_title_and_an_update_does_not() -> None:
    update = parsed(price="1")
    assert [problem.field for problem in problems_for_new(update)] == ["title"]
    assert problems_for_new(parsed(title="T")) == []


def test_attribute_columns_merge_and_the_attributes_object_replaces() -> None:
    columns = parsed(**{"attr:colour": "red|blue", "attr:size": "", "attr:n": 3})
    assert columns.attribute_changes == {"colour": ["red", "blue"], "size": None, "n": 3}
    assert not columns.replace_attributes
    whole = parsed(attributes='{"colour": "red", "gone": null, "ok": true}')
    assert whole.attribute_changes == {"colour": "red", "gone": None, "ok": True}
    assert whole.replace_attributes
    assert parsed(attributes="").replace_attributes
    assert not parsed(title="T").gives("attribute_changes")


def test_an_attribute_column_overrides_the_attributes_object() -> None:
    row = parsed(**{"attr:colour": "blue", "attributes": {"colour": "red", "size": "S"}})
    assert row.attribute_changes == {"colour": "blue", "size": "S"}


def test_translations_are_read_by_language() -> None:
    row = parsed(
        category="Kitchen > Mugs",
        **{
            "title_zh-hans": "杯子",
            "description_zh-hans": "",
            "category_zh-hans": "厨房 > 杯子",
            "title_fr": "Tasse",
        },
    )
    given = {
        language: texts.model_dump(exclude_unset=True)
        for language, texts in row.translations.items()
    }
    assert given == {
        "zh-hans": {"title": "杯子", "description": ""},
        "fr": {"title": "Tasse"},
    }
    assert row.category_names == {"zh-hans": ["厨房", "杯子"]}
    wrong = refused(category="Kitchen > Mugs", category_fr="Cuisine")
    assert "2 of them" in str(wrong[0])


def test_all_problems_of_a_row_are_reported_together() -> None:
    problems = refused(sku="", price="x", stock="y", visible="z", brand="b" * 121)
    assert [problem.field for problem in problems] == ["sku", "price", "stock", "visible", "brand"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
_COLUMNS = st.sampled_from(
    [
        "sku",
        "title",
        "description",
        "brand",
        "category",
        "price",
        "currency",
        "stock",
        "attributes",
        "language",
        "visible",
        "images",
        "audio",
        "video",
        "attr:x",
        "title_zh",
        "description_zh",
        "category_zh",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_COLUMNS, _JSON, max_size=6))
def test_no_content_of_a_row_raises(fields: dict[str, Any]) -> None:
    found = parse_row(RawRow(1, fields))
    if isinstance(found, ProductRow):
        json.dumps([found.title, found.attribute_changes, found.images], allow_nan=False)
    else:
        assert all(problem.reason and str(problem) for problem in found)
