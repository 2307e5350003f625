"""Removing products that the catalogue file no longer lists."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from webapp.catalog.models import Outcome, Product, Upload, UploadRow
from webapp.catalog.services.products import remove_products
from webapp.importing.lease import Claim

CHUNK_SIZE = 500


def absent_products(upload: Upload) -> QuerySet[Product]:
    """Return products older than the upload that no row names, failed rows included."""
    named = UploadRow.objects.filter(upload=upload, sku=OuterRef("sku"))
    return Product.objects.filter(~Exists(named), created_at__lt=upload.started_at)


def blocking_reason(upload: Upload) -> str:
    """Return why nothing may be removed; empty when removal is safe."""
    if upload.next_row == 0:
        return "Nothing was removed: the file has no rows, which would empty the catalogue."
    nameless = UploadRow.objects.filter(upload=upload, outcome=Outcome.ERROR, sku="").order_by(
        "number"
    )
    numbers = list(nameless.values_list("number", flat=True)[:5])
    if not numbers:
        return ""
    rows = ", ".join(map(str, numbers))
    return (
        f"Nothing was removed: rows failed without a readable SKU ({rows}), "
        "so it is not known which products are absent."
    )


def remove_absent(claim: Claim, upload: Upload) -> None:
    """Remove absent products in chunks, each in its own transaction; a dry run only counts them.

    May be repeated after an interruption.
    """
    if reason := blocking_reason(upload):
        if not any(note.get("reason") == reason for note in upload.notes):
            claim.update(notes=[*upload.notes, {"level": "warning", "reason": reason}])
        return
    absent = absent_products(upload)
    if upload.dry_run:
        claim.update(removed_count=absent.count())
        return
    while chunk := list(absent.order_by("pk").values_list("pk", flat=True)[:CHUNK_SIZE]):
        with transaction.atomic():
            claim.update(removed_count=F("removed_count") + len(chunk))
            remove_products(chunk)
