"""Queries on the click log."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Sum

from webapp.clicklog.models import ClickCount

FETCH_BATCH_SIZE = 2_000


def clicked_queries() -> Iterator[tuple[str, int, int]]:
    """Stream (normalised query, product id, clicks over all stored days), by query and product."""
    totals = ClickCount.objects.order_by("query", "product_id").values_list("query", "product_id")
    return totals.annotate(total=Sum("count")).iterator(chunk_size=FETCH_BATCH_SIZE)
