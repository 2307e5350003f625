"""The columns a catalogue file may have.

Besides the fixed ones: `attr:<name>` or `attributes.<name>` sets one attribute, and
`title_<language>`, `description_<language>`, `category_<language>` hold translations.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from search.errors import InputError
from search.modalities import MODALITIES

TEXT_COLUMNS = ("title", "description", "brand")
MEDIA_COLUMNS = tuple(MODALITIES.upload_columns)
COLUMNS = (
    "sku",
    *TEXT_COLUMNS,
    "category",
    "price",
    "currency",
    "stock",
    "attributes",
    "language",
    "visible",
    *MEDIA_COLUMNS,
)
_TRANSLATED = ("title", "description", "category")
ERROR_COLUMNS = ("error_field", "error_reason", "error_text")
"""Written into the file of failed rows; an upload ignores them."""

ATTRIBUTE_PREFIX = "attr:"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?")
"""Language, script and region of BCP 47 (RFC 5646), in lower case: en, zh-hans, pt-br."""

_TRANSLATION = re.compile(rf"({'|'.join(_TRANSLATED)})[_:.]({_LANGUAGE.pattern})")


def column_name(given: str) -> str:
    """Return the canonical name of a column, such as `title`, `title_zh-hans` or `attr:Colour`.

    All but the name of an attribute is in lower case. Raises InputError for an unknown column.
    """
    name = given.strip()
    lowered = name.lower().replace("attributes.", ATTRIBUTE_PREFIX, 1)
    if lowered.startswith(ATTRIBUTE_PREFIX):
        attribute = re.sub(r"^(attr:|attributes\.)", "", name, flags=re.IGNORECASE).strip()
        if attribute:
            return ATTRIBUTE_PREFIX + attribute
    if lowered in COLUMNS or lowered in ERROR_COLUMNS:
        return lowered
    if (translation := translation_column(lowered)) is not None:
        return "_".join(translation)
    raise InputError("unknown column", value=given, fix=_suggest(lowered))


def translation_column(name: str) -> tuple[str, str] | None:
    """Return ("title", "zh-hans") for `title_zh_hans`; None for any other column."""
    field, separator, language = name.partition("_")
    match = _TRANSLATION.fullmatch(field + separator + language.replace("_", "-"))
    return (match[1], match[2]) if match else None


def read_columns(given: Sequence[str]) -> tuple[str, ...]:
    """Return the canonical names of a header row; empty cells stay empty.

    Raises InputError for an unknown or repeated column, and for a missing `sku`.
    """
    columns = tuple(column_name(name) if name.strip() else "" for name in given)
    names = [name for name in columns if name]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise InputError("a column occurs twice", value=repeated, fix="Keep one of them.")
    if "sku" not in names:
        raise InputError(
            "the column sku is missing", value=", ".join(names)[:100], fix=_known_columns()
        )
    return columns


def _suggest(name: str) -> str:
    close = difflib.get_close_matches(name, COLUMNS, n=1)
    return (f"Did you mean {close[0]}? " if close else "") + _known_columns()


def _known_columns() -> str:
    families = "attr:<name>, title_<language>, description_<language>, category_<language>"
    return f"Known columns: {', '.join(COLUMNS)}, {families}."
