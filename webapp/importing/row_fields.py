"""One field of a row: raw value → typed value, or Refused with the reason and the limit."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from iso4217 import Currency

from search.errors import InputError
from webapp.importing.columns import LANGUAGE
from webapp.importing.media_paths import checked_reference
from webapp.importing.raw_rows import RawValue

AttributeValue = str | int | float | bool | list[str]

MAX_SKU, MAX_TITLE, MAX_DESCRIPTION, MAX_NAME = 64, 300, 20_000, 120
MAX_DEPTH, MAX_STOCK, MAX_PRICE = 8, 2_147_483_647, Decimal(10) ** 10
MAX_ATTRIBUTES, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_TEXT, MAX_LIST = 50, 64, 500, 50
MAX_MEDIA = 50

_LEVEL = re.compile(r"\s>(?=\s)")
_PRICE = re.compile(r"[0-9]+(\.[0-9]+)?")
_CENT = Decimal("0.01")
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class Refused(ValueError):
    """A value that a field does not take."""

    def __init__(self, reason: str, limit: str = "") -> None:
        self.reason = reason
        self.limit = limit
        super().__init__(reason)


def is_empty(value: RawValue) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def line(value: RawValue, longest: int) -> str:
    """One line of text in NFC; white space is collapsed. A spreadsheet's whole number counts as
    text.
    """
    return _bounded(" ".join(_text(value).split()), longest)


def paragraphs(value: RawValue) -> str:
    """Text of several lines."""
    return _bounded(_text(value).replace("\r\n", "\n").replace("\r", "\n").strip(), MAX_DESCRIPTION)


def sku(value: RawValue) -> str:
    text = _text(value).strip()
    if not 1 <= len(text) <= MAX_SKU or any(
        unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") for sign in text
    ):
        raise Refused("is no SKU", f"1 to {MAX_SKU} characters, no control characters")
    return text


def price(value: RawValue) -> Decimal:
    """An amount of at most ten digits before and two behind the point."""
    amount = _amount(value)
    if amount >= MAX_PRICE or amount != amount.quantize(_CENT):
        raise Refused("is no price", f"0 to {MAX_PRICE - _CENT}, at most 2 decimals")
    return amount.quantize(_CENT)


def _amount(value: RawValue) -> Decimal:
    if isinstance(value, str):
        text = value.strip()
        if not _PRICE.fullmatch(text) or len(text) > 40:
            raise Refused(
                "is no price",
                "write 1234.50: digits and a decimal point, no comma, sign or currency",
            )
        return Decimal(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_PRICE:
        raise Refused("is no price", f"0 to {MAX_PRICE - _CENT}")
    # A spreadsheet stores 12.3 as 12.299999999999999; fifteen digits are what it shows.
    return Decimal(format(value, ".15g"))


def stock(value: RawValue) -> int:
    if (
        isinstance(value, str)
        and value.strip().isascii()
        and value.strip().isdigit()
        and len(value.strip()) < 20
    ):
        value = int(value.strip())
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_STOCK:
        raise Refused("is no stock", f"a whole number, 0 to {MAX_STOCK}")
    return value


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.code for currency in Currency)


def currency(value: RawValue) -> str:
    code = line(value, MAX_NAME).upper()
    if code not in _currencies():
        raise Refused("is no currency", "a code of ISO 4217 such as EUR, USD, CNY")
    return code


def language(value: RawValue) -> str:
    code = line(value, MAX_NAME).lower().replace("_", "-")
    if not LANGUAGE.fullmatch(code):
        raise Refused("is no language", "a code such as en, zh-hans, pt-br")
    return code


def visible(value: RawValue) -> bool:
    found = value if isinstance(value, bool) else _TRUTH.get(str(value).strip().lower())
    if found is None:
        raise Refused("is neither yes nor no", "yes, no, true, false, 1 or 0")
    return found


def category(value: RawValue) -> tuple[str, ...]:
    """A path from the root of the category tree: "Kitchen > Mugs", or a list of names."""
    names = value if isinstance(value, list) else _LEVEL.split(line(value, MAX_NAME * MAX_DEPTH))
    path = tuple(line(name, MAX_NAME) for name in names)
    if len(path) > MAX_DEPTH:
        raise Refused("has too many levels", f"at most {MAX_DEPTH}")
    if not all(path):
        raise Refused("has a level without a name", "write A > B > C")
    if any(">" in name for name in path):
        raise Refused("has a > without spaces around it", "write A > B > C")
    return path


def media(value: RawValue) -> tuple[str, ...]:
    """Relative paths and URLs, from a list or parted by |; each once, in order."""
    if not isinstance(value, list | str):
        raise Refused("is no list of paths or URLs", "a|b|c, or a JSON list of texts")
    parts = value.split("|") if isinstance(value, str) else value
    if not all(isinstance(part, str) for part in parts):
        raise Refused("is no list of paths or URLs", "a JSON list of texts")
    named = [part.strip() for part in parts if part.strip()]
    if len(named) > MAX_MEDIA:
        raise Refused("names too many files", f"at most {MAX_MEDIA}")
    try:
        return tuple(
            dict.fromkeys(checked_reference(unicodedata.normalize("NFC", part)) for part in named)
        )
    except InputError as error:
        raise Refused(str(error.problem), error.fix) from error


def attributes(value: RawValue) -> dict[str, AttributeValue | None]:
    """An object of attributes, in a table as JSON text. Empty values are None."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Refused("is no JSON object", 'such as {"colour": "red"}') from error
    if not isinstance(value, dict):
        raise Refused("is no object", 'such as {"colour": "red"}')
    return {attribute_name(name): attribute(one) for name, one in value.items()}


def attribute_name(value: str) -> str:
    name = line(value, MAX_ATTRIBUTE_NAME)
    if not name:
        raise Refused("has an attribute without a name")
    return name


def attribute(value: RawValue) -> AttributeValue | None:
    """Text, a finite number, a truth value or a list of texts; None where it is empty."""
    if is_empty(value) or value == []:
        return None
    if isinstance(value, list):
        if len(value) > MAX_LIST or not all(isinstance(one, str) for one in value):
            raise Refused("is no list of texts", f"at most {MAX_LIST}")
        return [line(one, MAX_ATTRIBUTE_TEXT) for one in value if one.strip()]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not math.isfinite(value) or abs(value) >= 1e15:
            raise Refused("is too large a number", "below 1e15")
        return value
    if not isinstance(value, str):
        raise Refused("is no attribute value", "text, number, true, false or a list of texts")
    return line(value, MAX_ATTRIBUTE_TEXT)


def attribute_cell(value: RawValue) -> AttributeValue | None:
    """The cell of an `attr:` column: `a|b` is a list, other text stays text."""
    return attribute(value.split("|") if isinstance(value, str) and "|" in value else value)


def _text(value: RawValue) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Refused("is no text")
    if isinstance(value, int) and abs(value) >= 10**100:
        raise Refused("is no text")
    text = unicodedata.normalize("NFC", str(value))
    if _has_control(text):
        raise Refused("holds a control character")
    return text


def _has_control(text: Iterable[str]) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\t\n\r" for sign in text)


def _bounded(text: str, longest: int) -> str:
    if len(text) > longest:
        raise Refused(f"is too long, {len(text)} characters", f"at most {longest}")
    return text
