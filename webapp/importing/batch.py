"""One batch of rows, decided against the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from webapp.catalog.models import Asset, Outcome, Product, UploadRow
from webapp.catalog.services.categories import CategoryPath
from webapp.catalog.services.product_writer import ProductChange
from webapp.importing.apply import apply_row, plan_row_assets, product_problems
from webapp.importing.media import MediaResult, Reference
from webapp.importing.raw_rows import FieldProblem, RawRow, RowError
from webapp.importing.row_report import RowReport
from webapp.importing.schema import ProductRow, parse_row, problems_for_new

Entry = RawRow | RowError


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """An entry of the file with its report; `row` is None if it failed already."""

    report: RowReport
    row: ProductRow | None


def parse_entry(entry: Entry) -> ParsedEntry:
    report = RowReport.of(entry)
    parsed = entry.problems if isinstance(entry, RowError) else parse_row(entry)
    if isinstance(parsed, ProductRow):
        report.sku = parsed.sku
        return ParsedEntry(report, parsed)
    report.fail(parsed)
    return ParsedEntry(report, None)


@dataclass(slots=True)
class BatchPlan:
    """The report of each row, and the products to write."""

    reports: list[RowReport] = field(default_factory=list)
    changes: list[ProductChange] = field(default_factory=list)


class BatchPlanner:
    """Decides the outcome of each row of a batch. Writes nothing.

    1. On construction, load the stored assets of the batch's products and the earlier rows of the
       upload with the same SKUs: a constant number of queries.
    2. Refuse a row whose SKU an earlier row of the file has.
    3. Set the row's values on a copy of the stored product, or on a new one.
    4. Refuse a product that the database would refuse.
    5. Compare the row's texts and media with the stored assets.
    """

    def __init__(
        self,
        upload_id: int,
        entries: Sequence[ParsedEntry],
        media: Mapping[Reference, MediaResult],
        categories: Mapping[CategoryPath, int],
        products: Iterable[Product],
    ) -> None:
        self._entries = entries
        self._media = media
        self._categories = categories
        self._products = {product.sku: product for product in products}
        self._first_rows = _applied_rows(upload_id, batch_skus(entries))
        self._assets = _assets_by_product([product.pk for product in self._products.values()])

    def plan(self) -> BatchPlan:
        plan = BatchPlan()
        for entry in self._entries:
            # Copied, because a batch is planned again when its transaction is repeated.
            report = entry.report.copy()
            plan.reports.append(report)
            if entry.row is not None and (change := self._decide(entry.row, report)):
                plan.changes.append(change)
        return plan

    def _decide(self, row: ProductRow, report: RowReport) -> ProductChange | None:
        if (first := self._first_rows.get(row.sku)) is not None:
            reason = f"row {first} of this file has the same SKU (once in a file)"
            report.fail([FieldProblem("sku", row.sku, reason)])
            return None
        stored = self._products.get(row.sku)
        product = copy(stored) if stored else Product(sku=row.sku)
        changed = apply_row(product, row, self._categories)
        problems = [*([] if stored else problems_for_new(row)), *product_problems(product)]
        if problems:
            report.fail(problems)
            return None
        self._first_rows[row.sku] = row.number
        assets = plan_row_assets(
            product, row, self._assets.get(product.pk, []), self._media, report
        )
        change = ProductChange(product, changed, assets)
        report.outcome = change.outcome
        return change


def batch_skus(entries: Iterable[ParsedEntry]) -> list[str]:
    return [entry.row.sku for entry in entries if entry.row]


def write_reports(upload_id: int, plan: BatchPlan) -> None:
    UploadRow.objects.bulk_create([report.as_row(upload_id) for report in plan.reports])


def _applied_rows(upload_id: int, skus: list[str]) -> dict[str, int]:
    """Return the row numbers of this upload that applied one of these SKUs already, by SKU."""
    applied = UploadRow.objects.filter(upload_id=upload_id, sku__in=skus).exclude(
        outcome=Outcome.ERROR
    )
    return dict(applied.values_list("sku", "number"))


def _assets_by_product(product_ids: list[int]) -> dict[int, list[Asset]]:
    by_product: dict[int, list[Asset]] = {}
    for asset in Asset.objects.filter(product_id__in=product_ids).order_by("pk"):
        by_product.setdefault(asset.product_id, []).append(asset)
    return by_product
