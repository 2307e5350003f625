"""What a row changes of its product: field values and assets.

A column that the row lacks leaves the stored value; an empty cell clears it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.product_fields import (
    TranslatedTexts,
    check_price_currency,
    compact_translations,
)
from webapp.catalog.services.assets import (
    AssetPlan,
    StoredFile,
    make_file_assets,
    make_text_assets,
    plan_assets,
)
from webapp.catalog.services.categories import CategoryPath
from webapp.catalog.services.product_writer import set_values
from webapp.importing.media import COLUMNS, MediaProblem, MediaResult, Reference
from webapp.importing.raw_rows import FieldProblem
from webapp.importing.row_report import RowReport
from webapp.importing.schema import ProductRow

_PLAIN_FIELDS = (
    "title",
    "description",
    "brand",
    "price",
    "currency",
    "stock",
    "language",
    "visible",
)


def apply_row(
    product: Product, row: ProductRow, categories: Mapping[CategoryPath, int]
) -> set[str]:
    """Set the row's values on the product (not saved). Return the fields that differ now.

    A category path that is not in `categories` counts as a change: only a dry run meets one.
    """
    values: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN_FIELDS if row.gives(name)}
    if row.gives("category"):
        values["category_id"] = categories.get(tuple(row.category), -1) if row.category else None
    if row.attribute_changes or row.replace_attributes:
        kept = {} if row.replace_attributes else product.attributes
        merged = {**kept, **row.attribute_changes}
        values["attributes"] = {name: value for name, value in merged.items() if value is not None}
    if row.translations:
        values["translations"] = _merge_translations(product.translations, row.translations)
    return set_values(product, values)


def _merge_translations(
    stored: Mapping[str, Mapping[str, str]], given: Mapping[str, TranslatedTexts]
) -> dict[str, dict[str, str]]:
    merged = {language: dict(texts) for language, texts in stored.items()}
    for language, texts in given.items():
        merged.setdefault(language, {}).update(texts.model_dump(exclude_unset=True))
    return compact_translations(merged)


def product_problems(product: Product) -> list[FieldProblem]:
    """Return what the database would refuse about the product with its new values."""
    try:
        check_price_currency(product.price, product.currency)
    except ValueError as error:
        return [FieldProblem("currency", "", f"{error} (three letters such as EUR)")]
    return []


def plan_row_assets(
    product: Product,
    row: ProductRow,
    stored: Sequence[Asset],
    media: Mapping[Reference, MediaResult],
    report: RowReport,
) -> AssetPlan:
    """Return the asset changes of one row. Unusable media become warnings of the report.

    If the product already shows a file under the same reference, the stored file stays.
    """
    wanted = make_text_assets(product)
    kinds = {AssetKind.TEXT.value}
    for column, kind in COLUMNS.items():
        if not row.gives(column):
            continue
        kinds.add(kind.value)
        stored_by_source = {asset.source: asset for asset in stored if asset.kind == kind}
        files = []
        for text in getattr(row, column):
            result = media[Reference(row.number, column, text)]
            if isinstance(result, StoredFile):
                files.append(result)
            else:
                files += _keep_stored(result, column, stored_by_source, report)
        wanted += make_file_assets(product, files)
    return plan_assets(stored, wanted, kinds)


def _keep_stored(
    problem: MediaProblem, column: str, stored: Mapping[str, Asset], report: RowReport
) -> list[StoredFile]:
    """Return the file stored under the reference, if any, and warn of the problem."""
    asset = stored.get(problem.source)
    if asset is None:
        report.warn(column, f"{problem.source}: {problem.reason}")
        return []
    report.warn(column, f"{problem.source}: {problem.reason} The stored file is kept.")
    return [
        StoredFile(
            kind=AssetKind(asset.kind),
            name=str(asset.file),
            content_hash=asset.content_hash,
            source=asset.source,
            bytes=asset.bytes,
            width=asset.width,
            height=asset.height,
            duration_s=asset.duration_s,
        )
    ]
