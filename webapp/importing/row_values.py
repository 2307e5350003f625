"""What a row changes of a product. A column that the row lacks leaves the stored value; an empty
cell clears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.catalog.models import Product
from webapp.importing.categories import CategoryPath
from webapp.importing.raw_rows import FieldProblem
from webapp.importing.rows import ParsedRow, Translation

_PLAIN = ("title", "description", "brand", "price", "currency", "stock")


def row_apply(product: Product, row: ParsedRow, categories: Mapping[CategoryPath, int]) -> set[str]:
    """Write the row's values to the product (not saved). Returns the fields that differ now.

    A category path that is not in `categories` counts as a change: only a dry run meets one.
    """
    values = row_values(product, row)
    if "category" in row.given:
        values["category_id"] = categories.get(row.category, -1) if row.category else None
    changed = {name for name, value in values.items() if getattr(product, name) != value}
    for name in changed:
        setattr(product, name, values[name])
    return changed


def row_values(product: Product, row: ParsedRow) -> dict[str, Any]:
    """The values that the row states, by field, merged into what the product has where fields
    are mappings.
    """
    values: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN if name in row.given}
    if "language" in row.given:
        values["language"] = row.language or Product._meta.get_field("language").default
    if row.visible is not None:
        values["visible"] = row.visible
    if row.attributes or row.replace_attributes:
        kept = {} if row.replace_attributes else product.attributes
        merged = {**kept, **row.attributes}
        values["attributes"] = {name: value for name, value in merged.items() if value is not None}
    if row.translations:
        values["translations"] = _merged_translations(product.translations, row.translations)
    return values


def _merged_translations(
    stored: dict[str, Any], given: Mapping[str, Translation]
) -> dict[str, Any]:
    merged = {language: dict(texts) for language, texts in stored.items()}
    for language, translation in given.items():
        texts = merged.setdefault(language, {})
        for name in ("title", "description"):
            value = getattr(translation, name)
            if value is not None:
                texts[name] = value
    cleared = {
        language: {name: text for name, text in texts.items() if text}
        for language, texts in merged.items()
    }
    return {language: texts for language, texts in cleared.items() if texts}


def product_problems(product: Product) -> list[FieldProblem]:
    """What the database would refuse about the product as it now stands."""
    if product.price is not None and not product.currency:
        return [
            FieldProblem("currency", "", "a price needs a currency", "three letters such as EUR")
        ]
    return []
