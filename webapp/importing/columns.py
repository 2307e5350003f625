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
TRANSLATED = ("title", "description", "category")
ERROR_COLUMNS = ("error_field", "error_reason", "error_text")
"""Written into the file of failed rows, ignored when it is uploaded again."""

ATTRIBUTE_PREFIX = "attr:"
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?")
"""Language, script and region of BCP 47 (RFC 5646), in lower case: en, zh-hans, pt-br."""

_TRANSLATION = re.compile(rf"({'|'.join(TRANSLATED)})[_:.]({LANGUAGE.pattern})")


def column_name(given: str) -> str:
    """The canonical name of a column: lower case, `attr:<name>` with the attribute's own
    spelling, `title_zh-hans`.

    Raises InputError for a column that is not known.
    """
    name = given.strip()
    lowered = name.lower().replace("attributes.", ATTRIBUTE_PREFIX, 1)
    if lowered.startswith(ATTRIBUTE_PREFIX):
        attribute = re.sub(r"^(attr:|attributes\.)", "", name, flags=re.IGNORECASE).strip()
        if attribute:
            return ATTRIBUTE_PREFIX + attribute
    if lowered in COLUMNS or lowered in ERROR_COLUMNS:
        return lowered
    if (found := translation_column(lowered)) is not None:
        return "_".join(found)
    raise InputError("unknown column", value=given, fix=_advice(lowered))


def translation_column(name: str) -> tuple[str, str] | None:
    """`title_zh_hans` → ("title", "zh-hans"); None for any other column."""
    field, separator, language = name.partition("_")
    found = _TRANSLATION.fullmatch(field + separator + language.replace("_", "-"))
    return (found[1], found[2]) if found else None


def read_columns(given: Sequence[str]) -> tuple[str, ...]:
    """The canonical names of a header row; empty cells stay empty.

    Raises InputError for an unknown column, one that occurs twice, or a missing `sku`.
    """
    columns = tuple(column_name(name) if name.strip() else "" for name in given)
    named = [name for name in columns if name]
    double = next((name for name in named if named.count(name) > 1), None)
    if double:
        raise InputError("a column occurs twice", value=double, fix="Keep one of them.")
    if "sku" not in named:
        raise InputError("the column sku is missing", value=", ".join(named)[:100], fix=_known())
    return columns


def _advice(name: str) -> str:
    close = difflib.get_close_matches(name, COLUMNS, n=1)
    return (f"Did you mean {close[0]}? " if close else "") + _known()


def _known() -> str:
    families = "attr:<name>, title_<language>, description_<language>, category_<language>"
    return f"Known columns: {', '.join(COLUMNS)}, {families}."
