"""One batch of rows: decided against the database, then written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

from django.utils import timezone

from webapp.catalog.models import Asset, Outcome, Product, UploadRow
from webapp.catalog.services.asset_plan import AssetPlan, write_assets
from webapp.catalog.services.assets import enqueue_jobs
from webapp.catalog.services.attributes import sync_attribute_values
from webapp.catalog.services.index_sequence import mark_changed
from webapp.importing.categories import CategoryPath
from webapp.importing.media import MediaResult, Reference
from webapp.importing.raw_rows import FieldProblem
from webapp.importing.row_assets import row_assets
from webapp.importing.row_report import RowReport
from webapp.importing.row_values import product_problems, row_apply
from webapp.importing.rows import ParsedRow, problems_for_new

SEARCHED = frozenset({"visible"})
"""Product fields that change which views an index holds; texts and media do so through their
assets."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A row as read and parsed; `row` is None when it failed already."""

    report: RowReport
    row: ParsedRow | None


@dataclass(slots=True)
class BatchPlan:
    """Everything a batch writes."""

    reports: list[RowReport] = field(default_factory=list)
    created: list[Product] = field(default_factory=list)
    updated: list[Product] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    assets: AssetPlan = field(default_factory=AssetPlan)
    described: list[Product] = field(default_factory=list)
    touched: list[Product] = field(default_factory=list)


class BatchPlanner:
    """Decides the outcome of each row. Reads with a constant number of queries; writes nothing."""

    def __init__(
        self,
        upload_id: int,
        drafts: Sequence[Draft],
        media: dict[Reference, MediaResult],
        categories: Mapping[CategoryPath, int],
        *,
        lock: bool,
    ) -> None:
        self._drafts = drafts
        self._media = media
        self._categories = categories
        skus = [draft.row.sku for draft in drafts if draft.row]
        self._first_rows = _first_rows(upload_id, skus)
        found = Product.objects.filter(sku__in=skus).order_by("pk")
        self._products = {
            product.sku: product for product in (found.select_for_update() if lock else found)
        }
        self._stored = _assets_by_product([product.pk for product in self._products.values()])

    def plan(self) -> BatchPlan:
        plan = BatchPlan()
        for draft in self._drafts:
            # Copied, because a batch is planned again when its transaction has to be repeated.
            report = draft.report.copy()
            plan.reports.append(report)
            if draft.row is not None:
                self._decide(plan, draft.row, report)
        return plan

    def _decide(self, plan: BatchPlan, row: ParsedRow, report: RowReport) -> None:
        if row.sku in self._first_rows:
            first = self._first_rows[row.sku]
            report.fail(
                [
                    FieldProblem(
                        "sku",
                        row.sku,
                        f"row {first} of this file has the same SKU",
                        "once in a file",
                    )
                ]
            )
            return
        stored = self._products.get(row.sku)
        product = copy(stored) if stored else Product(sku=row.sku)
        changed = row_apply(product, row, self._categories)
        problems = [*([] if stored else problems_for_new(row)), *product_problems(product)]
        if problems:
            report.fail(problems)
            return
        self._first_rows[row.sku] = row.number
        assets = row_assets(product, row, self._stored.get(product.pk, []), self._media, report)
        self._add(plan, report, product, changed, assets)

    @staticmethod
    def _add(
        plan: BatchPlan, report: RowReport, product: Product, changed: set[str], assets: AssetPlan
    ) -> None:
        new = product.pk is None
        if new:
            plan.created.append(product)
            report.outcome = Outcome.CREATED
        elif changed or assets:
            plan.updated.append(product)
            plan.fields |= changed
            report.outcome = Outcome.UPDATED
        plan.assets.extend(assets)
        if "attributes" in changed:
            plan.described.append(product)
        if new or assets or changed & SEARCHED:
            plan.touched.append(product)


def write_products(plan: BatchPlan, *, space: str) -> int:
    """Write products, assets and jobs, inside a transaction. Returns how many contents were
    asked to be encoded.
    """
    Product.objects.bulk_create(plan.created)
    now = timezone.now()
    for product in plan.updated:
        product.updated_at = now
    # `category_id` is how the value is set, `category` how the field is called.
    Product.objects.bulk_update(
        plan.updated, [*sorted(name.removesuffix("_id") for name in plan.fields), "updated_at"]
    )
    if plan.described:
        sync_attribute_values(plan.described)
    write_assets(plan.assets)
    return enqueue_jobs(plan.assets.added, space=space) if plan.assets.added else 0


def write_reports(upload_id: int, plan: BatchPlan) -> None:
    UploadRow.objects.bulk_create([report.as_row(upload_id) for report in plan.reports])


def touch_products(plan: BatchPlan) -> None:
    """Last in the transaction: the clock's row stays locked until commit."""
    mark_changed([product.pk for product in plan.touched])


def _first_rows(upload_id: int, skus: list[str]) -> dict[str, int]:
    """Rows of this upload that already applied one of these skus."""
    applied = UploadRow.objects.filter(upload_id=upload_id, sku__in=skus).exclude(
        outcome=Outcome.ERROR
    )
    return dict(applied.values_list("sku", "number"))


def _assets_by_product(product_ids: list[int]) -> dict[int, list[Asset]]:
    by_product: dict[int, list[Asset]] = {}
    for asset in Asset.objects.filter(product_id__in=product_ids).order_by("pk"):
        by_product.setdefault(asset.product_id, []).append(asset)
    return by_product
