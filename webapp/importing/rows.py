"""A raw row → a typed, validated one. A column that the row lacks means "leave as is", an empty
one "clear".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from webapp.importing import row_fields
from webapp.importing.columns import ATTRIBUTE_PREFIX, translation_column
from webapp.importing.raw_rows import FieldProblem, RawRow, RawValue
from webapp.importing.row_fields import AttributeValue, Refused, is_empty

__all__ = [
    "AttributeValue",
    "FieldProblem",
    "ParsedRow",
    "Translation",
    "parse_row",
    "problems_for_new",
]

_title = partial(row_fields.line, longest=row_fields.MAX_TITLE)
_brand = partial(row_fields.line, longest=row_fields.MAX_NAME)

_FIELDS: dict[str, tuple[Callable[[RawValue], Any], object]] = {
    "title": (_title, ""),
    "description": (row_fields.paragraphs, ""),
    "brand": (_brand, ""),
    "category": (row_fields.category, ()),
    "price": (row_fields.price, None),
    "currency": (row_fields.currency, ""),
    "stock": (row_fields.stock, None),
    "language": (row_fields.language, ""),
    "visible": (row_fields.visible, None),
    "images": (row_fields.media, ()),
    "audio": (row_fields.media, ()),
    "video": (row_fields.media, ()),
}
"""Column → how it is read, and what an empty cell means."""


@dataclass(frozen=True, slots=True)
class Translation:
    """Texts in one language. None where the row does not say, empty where it clears."""

    title: str | None = None
    description: str | None = None
    category: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """A valid row. `given` names the columns it has; the value of any other field means nothing.

    `attributes` are to be merged into those there are, None removing one, unless
    `replace_attributes` says they are all.
    """

    number: int
    sku: str
    given: frozenset[str]
    title: str = ""
    description: str = ""
    brand: str = ""
    category: tuple[str, ...] = ()
    price: Decimal | None = None
    currency: str = ""
    stock: int | None = None
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)
    replace_attributes: bool = False
    language: str = ""
    visible: bool | None = None
    images: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    video: tuple[str, ...] = ()
    translations: Mapping[str, Translation] = field(default_factory=dict)


def parse_row(raw: RawRow) -> ParsedRow | list[FieldProblem]:
    """The row, or every problem it has."""
    return _RowParser(raw).parse()


def problems_for_new(row: ParsedRow) -> list[FieldProblem]:
    """What the row lacks where its product does not exist yet."""
    return (
        [] if row.title else [FieldProblem("title", None, "is missing", "a new product needs one")]
    )


class _RowParser:
    """Reads the fields of one row, collecting problems instead of stopping at the first."""

    def __init__(self, raw: RawRow) -> None:
        self._raw = raw
        self._problems: list[FieldProblem] = []

    def parse(self) -> ParsedRow | list[FieldProblem]:
        sku = self._read("sku", row_fields.sku, "")
        values = {
            name: self._read(name, read, empty)
            for name, (read, empty) in _FIELDS.items()
            if name in self._raw.fields
        }
        if values.get("title") == "" and not self._problems:
            self._refuse("title", Refused("is empty", "leave the column out to keep the title"))
        attributes, replace = self._attributes()
        translations = self._translations(values.get("category"))
        if self._problems:
            return self._problems
        given = {*values, *(["attributes"] if attributes or replace else [])}
        return ParsedRow(
            self._raw.number,
            sku,
            frozenset(given),
            attributes=attributes,
            replace_attributes=replace,
            translations=translations,
            **values,
        )

    def _read(self, name: str, read: Callable[[RawValue], Any], empty: object) -> Any:
        value = self._raw.fields.get(name)
        if is_empty(value) or value == []:
            if name == "sku":
                self._refuse(name, Refused("is missing"))
            return empty
        try:
            return read(value)
        except Refused as refused:
            self._refuse(name, refused)
            return empty

    def _refuse(self, name: str, refused: Refused) -> None:
        self._problems.append(
            FieldProblem(name, self._raw.fields.get(name), refused.reason, refused.limit)
        )

    def _attributes(self) -> tuple[dict[str, AttributeValue | None], bool]:
        replace = "attributes" in self._raw.fields
        found = self._read("attributes", row_fields.attributes, {}) if replace else {}
        found = dict(found)
        for column in self._raw.fields:
            if column.startswith(ATTRIBUTE_PREFIX):
                try:
                    name = row_fields.attribute_name(column.removeprefix(ATTRIBUTE_PREFIX))
                except Refused as refused:
                    self._refuse(column, refused)
                    continue
                found[name] = self._read(column, row_fields.attribute_cell, None)
        if sum(value is not None for value in found.values()) > row_fields.MAX_ATTRIBUTES:
            self._refuse(
                "attributes", Refused("are too many", f"at most {row_fields.MAX_ATTRIBUTES}")
            )
        if replace:
            found = {name: value for name, value in found.items() if value is not None}
        return found, replace

    def _translations(self, category: tuple[str, ...] | None) -> dict[str, Translation]:
        found: dict[str, dict[str, Any]] = {}
        for column in self._raw.fields:
            if (column not in _FIELDS) and (named := translation_column(column)) is not None:
                name, language = named
                found.setdefault(language, {})[name] = self._read(column, *_FIELDS[name])
                path = found[language].get("category")
                if path and category is not None and len(path) != len(category):
                    self._refuse(
                        column,
                        Refused("has other levels than category", f"{len(category)} of them"),
                    )
        return {language: Translation(**texts) for language, texts in found.items()}
