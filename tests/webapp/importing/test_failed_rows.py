"""Failed rows survive the round trip unchanged, and no spreadsheet runs them as formulas."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from webapp.importing.failed_rows import FailedRow, format_failed_rows
from webapp.importing.raw_rows import FieldProblem, RawRow
from webapp.importing.readers import open_rows
from webapp.importing.schema import ProductRow, parse_row

PROBLEM = FieldProblem("price", "=1", "is not a valid price (0 to 9999999999.99)")
COLUMNS = ("sku", "title", "attr:note")


def written_csv(*rows: FailedRow) -> bytes:
    return "".join(format_failed_rows(rows, "csv", COLUMNS)).encode()


def read_back(data: bytes) -> list[RawRow]:
    with open_rows(io.BytesIO(data)) as file:
        return [row for row in file.rows if isinstance(row, RawRow)]


# A CSV file cannot contain a lone return or surrogate.
CELLS = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(CELLS, CELLS)
@example("=1+1", "'=1+1")
@example("''-x", "-5")
@example("\tx", "@SUM(A1)")
@example("+49 170", "'")
def test_every_text_survives_the_round_trip(title: str, note: str) -> None:
    fields = {"sku": "s", "title": title, "attr:note": note}
    assert read_back(written_csv(FailedRow(fields, [PROBLEM])))[0].fields == fields


def test_no_cell_begins_like_a_formula() -> None:
    titles = ["=HYPERLINK(1)", "+1+1", "-2-3", "@SUM", "\tx", "'=x"]
    data = written_csv(*(FailedRow({"sku": "s", "title": title}, [PROBLEM]) for title in titles))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:]
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t") for row in rows for cell in row)


def test_numbers_stay_numbers() -> None:
    assert b"s,-5," in written_csv(FailedRow({"sku": "s", "title": "-5"}, [PROBLEM]))


def test_error_columns_come_last_and_are_ignored_by_an_upload() -> None:
    data = written_csv(
        FailedRow({"sku": "s", "title": "t"}, [PROBLEM, FieldProblem("title", None, "is empty")])
    )
    header, row = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert header == [*COLUMNS, "error_field", "error_reason", "error_text"]
    assert row[3] == "price, title"
    assert row[4] == "price: is not a valid price (0 to 9999999999.99): got '=1'; title: is empty"
    assert read_back(data)[0].fields == {"sku": "s", "title": "t", "attr:note": ""}


def test_json_lines_keep_their_values_and_unreadable_text() -> None:
    fields = {"sku": "s", "attributes": {"colour": ["red"]}, "price": 12.5, "title": "=1"}
    rows = [
        FailedRow(fields, [PROBLEM]),
        FailedRow({}, [FieldProblem("", None, "is not JSON")], text="{nonsense"),
    ]
    lines = "".join(format_failed_rows(rows, "jsonl"))
    assert read_back(lines.encode())[0].fields == fields
    assert json.loads(lines.splitlines()[1])["error_text"] == "{nonsense"


def test_spreadsheet_values_mean_the_same_in_csv() -> None:
    fields: dict[str, Any] = {
        "sku": 7,
        "visible": True,
        "stock": None,
        "category": ["A", "B"],
        "images": ["a.jpg", "b.jpg"],
    }
    fields["attributes"] = {"colour": "red"}
    text = "".join(format_failed_rows([FailedRow(fields, [PROBLEM])], "csv", tuple(fields)))
    again = parse_row(read_back(text.encode())[0])
    assert isinstance(again, ProductRow)
    assert (again.sku, again.visible, again.stock) == ("7", True, None)
    assert (again.category, again.images, again.attribute_changes) == (
        ["A", "B"],
        ["a.jpg", "b.jpg"],
        {"colour": "red"},
    )
