"""Cells → values: what people write in tables becomes what `ProductFields` validates.

A cell is more lenient than JSON in its spelling only: "12.50" is a price, "yes" is true, "A > B" a
category path and "a|b" a list. Which values a field accepts is decided by the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from search.modalities import MODALITIES
from webapp.catalog.product_fields import PRICE_RULE, STOCK_RULE
from webapp.importing.raw_rows import RawValue

_LEVEL = re.compile(r"\s>(?=\s)")
_PRICE = re.compile(r"[0-9]+(\.[0-9]+)?")
_BOOLEANS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_MAX_DIGITS = 100


class CellError(ValueError):
    """A cell that cannot be read as a value of its field."""


def is_empty(value: RawValue) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def read_text(value: RawValue) -> str:
    """Return the text of a cell; a spreadsheet's whole number counts as text."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CellError("is not text")
    if isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS:
        raise CellError("is not text")
    return str(value).strip()


def read_category(value: RawValue) -> list[str]:
    """Return the names of "Kitchen > Mugs" from the root down; a list holds them already."""
    if isinstance(value, list):
        return [read_text(name) for name in value]
    path = _LEVEL.split(" ".join(read_text(value).split()))
    if any(">" in name for name in path):
        raise CellError("has a > without spaces around it (write A > B > C)")
    return path


def read_price(value: RawValue) -> Decimal:
    if isinstance(value, str):
        text = value.strip()
        if not _PRICE.fullmatch(text) or len(text) > _MAX_DIGITS:
            raise CellError(
                "is not a valid price "
                "(write 1234.50: digits and a decimal point, no comma, sign or currency)"
            )
        return Decimal(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        raise CellError(PRICE_RULE)
    # A spreadsheet stores 12.3 as 12.299999999999999 and shows fifteen digits.
    return Decimal(format(value, ".15g"))


def read_stock(value: RawValue) -> int:
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
            return int(text)
    elif isinstance(value, float) and value.is_integer():
        return int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise CellError(STOCK_RULE)


def read_boolean(value: RawValue) -> bool:
    known = value if isinstance(value, bool) else _BOOLEANS.get(str(value).strip().lower())
    if known is None:
        raise CellError("must be yes or no (or true, false, 1, 0)")
    return known


def read_media(value: RawValue) -> list[str]:
    """Return the paths and URLs of a list or of text separated by |."""
    parts = value.split("|") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise CellError("is not a list of paths or URLs (write a|b|c, or a JSON list of texts)")
    return [part.strip() for part in parts if part.strip()]


def read_attributes(value: RawValue) -> dict[str, Any]:
    """Return an object of attributes, in a table given as JSON text. Empty values are None."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise CellError('is not a JSON object such as {"colour": "red"}') from error
    if not isinstance(value, dict):
        raise CellError('is not an object such as {"colour": "red"}')
    return {name: _read_attribute(item) for name, item in value.items()}


def read_attribute_cell(value: RawValue) -> Any:
    """Return the value of an `attr:` column: `a|b` is a list, other text stays text."""
    return _read_attribute(value.split("|") if isinstance(value, str) and "|" in value else value)


def _read_attribute(value: RawValue) -> Any:
    if isinstance(value, list):
        value = [item for item in value if not is_empty(item)]
    return None if is_empty(value) else value


CellReader = Callable[[RawValue], Any]
READERS: dict[str, CellReader] = {
    "sku": read_text,
    "title": read_text,
    "description": read_text,
    "brand": read_text,
    "category": read_category,
    "price": read_price,
    "currency": read_text,
    "stock": read_stock,
    "language": read_text,
    "visible": read_boolean,
    **dict.fromkeys(MODALITIES.upload_columns, read_media),
}
"""How the cells of each column are read."""
