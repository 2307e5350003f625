"""The fields of a product: their limits and their normal form, the same for every caller.

REST validates request bodies with `ProductFields`, uploads validate rows with it once cells are
values, and the admin form cleans its fields with it. Texts are normalised to Unicode NFC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, partial
from typing import Annotated, Any

from iso4217 import Currency as IsoCurrency
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_serializer,
)
from pydantic_core import PydanticCustomError

MAX_SKU = 64
MAX_TITLE = 300
MAX_DESCRIPTION = 20_000
MAX_NAME = 120
"""Longest brand, and longest name of a category."""
MAX_CATEGORY_DEPTH = 10
MAX_PRICE = Decimal(10) ** 10
MAX_STOCK = 2_147_483_647
MAX_LANGUAGE = 16
MAX_LANGUAGES = 50
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_NAME = 80
MAX_ATTRIBUTE_TEXT = 200
MAX_ATTRIBUTE_NUMBER = 10**15
MAX_ATTRIBUTE_VALUES = 100
"""Most values of one attribute."""

DEFAULT_LANGUAGE = "en"
CENT = Decimal("0.01")
PRICE_RULE = f"is not a valid price (0 to {MAX_PRICE - CENT}, at most 2 decimals)"
STOCK_RULE = f"is not a valid stock (a whole number, 0 to {MAX_STOCK})"

AttributeScalar = str | int | float | bool
AttributeData = AttributeScalar | list[AttributeScalar]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters other than tab and line ends, and lone surrogates."""
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")


def refuse(reason: str) -> PydanticCustomError:
    """Return the error of a validator; `reason` reads on after the name of the field."""
    return PydanticCustomError("invalid_value", "{reason}", {"reason": reason})


def normalise_sku(text: str) -> str:
    """Return the SKU in NFC. Raises PydanticCustomError when it is not a valid SKU."""
    sku = unicodedata.normalize("NFC", text)
    invisible = any(unicodedata.category(character) in _INVISIBLE for character in sku)
    if not 1 <= len(sku) <= MAX_SKU or invisible or sku != sku.strip():
        raise refuse(
            f"is not a valid SKU (1 to {MAX_SKU} characters, no control characters, "
            "no spaces around it)"
        )
    return sku


def normalise_line(text: str, max_length: int, *, empty: str = "") -> str:
    """Return one line of text in NFC with single spaces.

    `empty` is the reason to refuse an empty text; without one, an empty text is accepted.
    """
    line = " ".join(_normalise(text).split())
    if empty and not line:
        raise refuse(empty)
    return _check_length(line, max_length)


def normalise_paragraphs(text: str) -> str:
    """Return text of several lines in NFC, with line feeds as line ends."""
    lines = _normalise(text).replace("\r\n", "\n").replace("\r", "\n").strip()
    return _check_length(lines, MAX_DESCRIPTION)


def _normalise(text: str) -> str:
    if _CONTROL.search(text):
        raise refuse("contains a control character")
    return unicodedata.normalize("NFC", text)


def _check_length(text: str, max_length: int) -> str:
    if len(text) > max_length:
        raise refuse(f"is too long, {len(text)} characters (at most {max_length})")
    return text


def _normalise_price(amount: Decimal) -> Decimal:
    if not amount.is_finite() or not 0 <= amount < MAX_PRICE or amount != amount.quantize(CENT):
        raise refuse(PRICE_RULE)
    return amount.quantize(CENT)


def _check_stock(count: int) -> int:
    if not 0 <= count <= MAX_STOCK:
        raise refuse(STOCK_RULE)
    return count


@cache
def currency_codes() -> frozenset[str]:
    """Return the codes of ISO 4217."""
    return frozenset(currency.code for currency in IsoCurrency)


def _normalise_currency(text: str) -> str:
    code = text.strip().upper()
    if code and code not in currency_codes():
        raise refuse("is not a valid currency (a code of ISO 4217 such as EUR, USD, CNY)")
    return code


def _normalise_language(text: str) -> str:
    code = text.strip().lower().replace("_", "-")
    if not _LANGUAGE.fullmatch(code) or len(code) > MAX_LANGUAGE:
        raise refuse("is not a valid language (a code such as en, zh-hans, pt-br)")
    return code


def _check_depth(path: list[str]) -> list[str]:
    if len(path) > MAX_CATEGORY_DEPTH:
        raise refuse(f"has too many levels (at most {MAX_CATEGORY_DEPTH})")
    return path


def _normalise_attribute(value: object) -> AttributeData:
    if isinstance(value, list):
        if len(value) > MAX_ATTRIBUTE_VALUES:
            raise refuse(f"has too many values (at most {MAX_ATTRIBUTE_VALUES})")
        return [_normalise_scalar(item) for item in value]
    return _normalise_scalar(value)


def _normalise_scalar(value: object) -> AttributeScalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # NaN fails every comparison.
        if not abs(value) <= MAX_ATTRIBUTE_NUMBER:
            raise refuse(f"is too large a number (at most {MAX_ATTRIBUTE_NUMBER:.0e})")
        return value
    if not isinstance(value, str):
        raise refuse(
            "is not a valid attribute value (text, a number, true, false, or a list of them)"
        )
    return normalise_line(value, MAX_ATTRIBUTE_TEXT, empty="must not be empty")


def check_attribute_count(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return `attributes`. Raises PydanticCustomError when too many have a value."""
    if sum(value is not None for value in attributes.values()) > MAX_ATTRIBUTES:
        raise refuse(f"are too many (at most {MAX_ATTRIBUTES})")
    return attributes


def check_price_currency(price: Decimal | None, currency: str) -> None:
    """Raise ValueError for a price without a currency."""
    if price is not None and not currency:
        raise ValueError("a price needs a currency")


def _line_type(max_length: int, empty: str = "") -> tuple[AfterValidator, WithJsonSchema]:
    schema = {"type": "string", "maxLength": max_length} | ({"minLength": 1} if empty else {})
    return (
        AfterValidator(partial(normalise_line, max_length=max_length, empty=empty)),
        WithJsonSchema(schema),
    )


_SCALAR_SCHEMA: list[dict[str, Any]] = [
    {"type": "string", "minLength": 1, "maxLength": MAX_ATTRIBUTE_TEXT},
    {"type": "boolean"},
    {"type": "number", "minimum": -MAX_ATTRIBUTE_NUMBER, "maximum": MAX_ATTRIBUTE_NUMBER},
]

Sku = Annotated[str, AfterValidator(normalise_sku)]
Title = Annotated[str, *_line_type(MAX_TITLE, "must not be empty")]
Description = Annotated[
    str,
    AfterValidator(normalise_paragraphs),
    WithJsonSchema({"type": "string", "maxLength": MAX_DESCRIPTION}),
]
Brand = Annotated[str, *_line_type(MAX_NAME)]
CategoryName = Annotated[str, *_line_type(MAX_NAME, "has a level without a name")]
CategoryPath = Annotated[
    list[CategoryName],
    AfterValidator(_check_depth),
    Field(json_schema_extra={"maxItems": MAX_CATEGORY_DEPTH}),
]
Price = Annotated[
    Decimal,
    Field(allow_inf_nan=True),
    AfterValidator(_normalise_price),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$",
                    "examples": ["12.50"],
                },
                {"type": "integer", "minimum": 0, "maximum": int(MAX_PRICE) - 1},
                {"type": "number", "minimum": 0},
            ]
        }
    ),
]
"""A price of a request: text or a JSON number, taken as it is written."""
Currency = Annotated[
    str,
    AfterValidator(_normalise_currency),
    WithJsonSchema({"type": "string", "enum": ["", *sorted(currency_codes())]}),
]
Stock = Annotated[
    int,
    AfterValidator(_check_stock),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_STOCK}),
]
Language = Annotated[
    str,
    AfterValidator(_normalise_language),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_LANGUAGE,
            "pattern": r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        }
    ),
]
AttributeName = Annotated[str, *_line_type(MAX_ATTRIBUTE_NAME, "needs a name")]
AttributeValue = Annotated[
    AttributeData,
    PlainValidator(_normalise_attribute),
    WithJsonSchema(
        {
            "anyOf": [
                *_SCALAR_SCHEMA,
                {
                    "type": "array",
                    "items": {"anyOf": _SCALAR_SCHEMA},
                    "maxItems": MAX_ATTRIBUTE_VALUES,
                },
            ]
        }
    ),
]
Attributes = Annotated[
    dict[AttributeName, AttributeValue],
    AfterValidator(check_attribute_count),
    Field(json_schema_extra={"maxProperties": MAX_ATTRIBUTES}),
]


class TranslatedTexts(BaseModel):
    """Texts of a product in one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, *_line_type(MAX_TITLE)] = ""
    description: Description = ""


Translations = Annotated[dict[Language, TranslatedTexts], Field(max_length=MAX_LANGUAGES)]


class ProductFields(BaseModel):
    """The fields of a product besides its SKU and its assets. All of them have a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title = ""
    description: Description = ""
    translations: Translations = Field(default_factory=dict, description="texts by language code")
    language: Language = Field(DEFAULT_LANGUAGE, description="language of title and description")
    brand: Brand = ""
    category: CategoryPath = Field(
        default_factory=list,
        description="names from the root down; created where missing; empty for none",
    )
    price: Price | None = None
    currency: Currency = Field("", description="three letters (ISO 4217); needed beside a price")
    stock: Stock | None = Field(None, description="null where stock is not counted")
    attributes: Attributes = Field(default_factory=dict)
    visible: bool = True

    @field_serializer("translations")
    def _drop_empty_texts(
        self, translations: Mapping[str, TranslatedTexts]
    ) -> dict[str, dict[str, str]]:
        return compact_translations(
            {language: texts.model_dump() for language, texts in translations.items()}
        )


def compact_translations(
    translations: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, str]]:
    """Return the translations as they are stored: without empty texts and empty languages."""
    compact = {}
    for language, texts in translations.items():
        if filled := {name: text for name, text in texts.items() if text}:
            compact[language] = filled
    return compact
