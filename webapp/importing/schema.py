"""One row of a catalogue file, validated."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from search.errors import InputError
from webapp.catalog.product_fields import (
    AttributeName,
    AttributeValue,
    CategoryPath,
    Language,
    ProductFields,
    Sku,
    check_attribute_count,
    normalise_sku,
    refuse,
)
from webapp.importing import cells
from webapp.importing.cells import READERS, CellError, is_empty
from webapp.importing.columns import ATTRIBUTE_PREFIX, translation_column
from webapp.importing.media_paths import check_media_path
from webapp.importing.raw_rows import FieldProblem, RawRow, RawValue

MAX_MEDIA = 50
"""Most files that one cell names."""


def _normalise_path(text: str) -> str:
    try:
        return check_media_path(unicodedata.normalize("NFC", text))
    except InputError as error:
        raise refuse(f"{error.problem} ({error.fix})" if error.fix else error.problem) from error


def _unique_paths(paths: list[str]) -> list[str]:
    if len(paths) > MAX_MEDIA:
        raise refuse(f"names too many files (at most {MAX_MEDIA})")
    return list(dict.fromkeys(paths))


MediaPaths = Annotated[
    list[Annotated[str, AfterValidator(_normalise_path)]], AfterValidator(_unique_paths)
]


class ProductRow(ProductFields):
    """A valid row. `model_fields_set` names the fields that it gives; the others stay as stored.

    `attribute_changes` are merged into the stored attributes, None removing one, unless
    `replace_attributes` says that they are all. `category_names` are translations of `category`.
    """

    number: int
    sku: Sku
    attribute_changes: Annotated[
        dict[AttributeName, AttributeValue | None], AfterValidator(check_attribute_count)
    ] = Field(default_factory=dict)
    replace_attributes: bool = False
    category_names: dict[Language, CategoryPath] = Field(default_factory=dict)
    images: MediaPaths = Field(default_factory=list)
    audio: MediaPaths = Field(default_factory=list)
    video: MediaPaths = Field(default_factory=list)

    def gives(self, field: str) -> bool:
        """Return whether the row has this field; an empty cell counts."""
        return field in self.model_fields_set


_CLEARED: dict[str, Any] = {
    name: ProductRow.model_fields[name].get_default(call_default_factory=True)
    for name in READERS.keys() - {"sku", "visible"}
}
"""Value of a field whose cell is empty: a title must not be, and `visible` stays as stored."""


def parse_row(raw: RawRow) -> ProductRow | list[FieldProblem]:
    """Return the row, or all of its problems in the order of its columns.

    1. Read the cells into values (`cells`).
    2. Validate the values (`ProductFields`, which REST uses too).
    3. Check the levels of translated categories.
    """
    return _RowParser(raw).parse()


def problems_for_new(row: ProductRow) -> list[FieldProblem]:
    """Return what the row lacks if its product does not exist yet."""
    if row.title:
        return []
    return [FieldProblem("title", None, "is missing (a new product needs one)")]


def readable_sku(value: RawValue) -> str:
    """Return the SKU of a cell, empty when it cannot be read."""
    try:
        return normalise_sku(cells.read_text(value))
    except ValueError:
        return ""


class _RowParser:
    """Reads the cells of one row, and collects problems instead of stopping at the first."""

    def __init__(self, raw: RawRow) -> None:
        self._raw = raw
        self._reasons: dict[str, str] = {}
        self._attribute_columns: dict[str, str] = {}

    def parse(self) -> ProductRow | list[FieldProblem]:
        values = self._read_cells()
        try:
            row = ProductRow.model_validate(values, strict=True)
        except ValidationError as error:
            for item in error.errors(include_url=False, include_context=False, include_input=False):
                self._refuse(self._column(item["loc"]), item["msg"])
            return self._problems()
        self._check_category_names(row)
        return self._problems() or row

    def _read_cells(self) -> dict[str, Any]:
        values: dict[str, Any] = {"number": self._raw.number, "sku": ""}
        for column, cell in self._raw.fields.items():
            if column in READERS:
                self._read_field(values, column, cell)
            elif column.startswith(ATTRIBUTE_PREFIX):
                self._read_attribute(values, column, cell)
            elif (found := translation_column(column)) is not None:
                self._read_translation(values, column, *found)
        self._read_attributes_object(values)
        if is_empty(self._raw.fields.get("sku")):
            self._refuse("sku", "is missing")
        return values

    def _read_field(self, values: dict[str, Any], column: str, cell: RawValue) -> None:
        if not is_empty(cell):
            value = self._try(column, READERS[column], cell)
            if value is not None:
                values[column] = value
        elif column in _CLEARED:
            values[column] = _CLEARED[column]

    def _read_attribute(self, values: dict[str, Any], column: str, cell: RawValue) -> None:
        name = column.removeprefix(ATTRIBUTE_PREFIX)
        self._attribute_columns[name] = column
        values.setdefault("attribute_changes", {})[name] = cells.read_attribute_cell(cell)

    def _read_attributes_object(self, values: dict[str, Any]) -> None:
        """Read the column `attributes`; an attribute's own column overrides it."""
        if "attributes" not in self._raw.fields:
            return
        cell = self._raw.fields["attributes"]
        whole = {} if is_empty(cell) else self._try("attributes", cells.read_attributes, cell)
        values["attribute_changes"] = (whole or {}) | values.get("attribute_changes", {})
        values["replace_attributes"] = True

    def _read_translation(
        self, values: dict[str, Any], column: str, field: str, language: str
    ) -> None:
        cell = self._raw.fields[column]
        value = None if is_empty(cell) else self._try(column, READERS[field], cell)
        if field == "category":
            values.setdefault("category_names", {})[language] = value or []
        else:
            texts = values.setdefault("translations", {}).setdefault(language, {})
            texts[field] = value or ""

    def _check_category_names(self, row: ProductRow) -> None:
        if not row.gives("category"):
            return
        for language, path in row.category_names.items():
            if path and len(path) != len(row.category):
                reason = f"has other levels than category ({len(row.category)} of them)"
                self._refuse(f"category_{language}", reason)

    def _try(self, column: str, read: Callable[[RawValue], Any], cell: RawValue) -> Any:
        try:
            return read(cell)
        except CellError as error:
            self._refuse(column, str(error))
            return None

    def _refuse(self, column: str, reason: str) -> None:
        """Record the first problem of a column."""
        self._reasons.setdefault(column, reason)

    def _column(self, location: tuple[int | str, ...]) -> str:
        """Return the column of a field in a validation error."""
        field, *parts = location
        if field == "attribute_changes":
            return self._attribute_columns.get(str(parts[0]) if parts else "", "attributes")
        if field == "translations" and len(parts) > 1:
            return f"{parts[1]}_{parts[0]}"
        if field == "category_names" and parts:
            return f"category_{parts[0]}"
        return str(field)

    def _problems(self) -> list[FieldProblem]:
        order = list(self._raw.fields)
        columns = sorted(self._reasons, key=lambda name: order.index(name) if name in order else -1)
        return [
            FieldProblem(name, self._raw.fields.get(name), self._reasons[name]) for name in columns
        ]
