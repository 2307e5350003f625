"""The assets that a row asks of its product."""

from __future__ import annotations

from collections.abc import Sequence

from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.asset_plan import AssetPlan, plan_assets
from webapp.catalog.services.assets import StoredFile, make_file_assets, make_text_assets
from webapp.importing.media import COLUMNS, MediaProblem, MediaResult, Reference
from webapp.importing.row_report import RowReport
from webapp.importing.rows import ParsedRow


def row_assets(
    product: Product,
    row: ParsedRow,
    stored: Sequence[Asset],
    media: dict[Reference, MediaResult],
    report: RowReport,
) -> AssetPlan:
    """The asset changes of one row. Media that cannot be used are warned of; the rest of the row
    goes in.

    Where the product already shows a file under that very reference, the stored file stays.
    """
    wanted = make_text_assets(product)
    kinds = {AssetKind.TEXT.value}
    for column, kind in COLUMNS.items():
        if column not in row.given:
            continue
        kinds.add(kind.value)
        stored_by_source = {asset.source: asset for asset in stored if asset.kind == kind}
        files = []
        for text in getattr(row, column):
            result = media[Reference(row.number, column, text)]
            if isinstance(result, StoredFile):
                files.append(result)
            else:
                files += _kept(result, column, stored_by_source, report)
        wanted += make_file_assets(product, files)
    return plan_assets(stored, wanted, kinds)


def _kept(
    result: MediaProblem, column: str, stored: dict[str, Asset], report: RowReport
) -> list[StoredFile]:
    asset = stored.get(result.source)
    if asset is None:
        report.warn(column, f"{result.source}: {result.reason}")
        return []
    report.warn(column, f"{result.source}: {result.reason} The file stored before is kept.")
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
