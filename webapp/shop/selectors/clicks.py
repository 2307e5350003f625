"""Reading the click log."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Sum

from webapp.shop.models import ClickCount

CHUNK = 2_000


def clicked_queries() -> Iterator[tuple[str, int, int]]:
    """(normalised query, product id, clicks over all days kept), by query and product, streamed
    from the database.
    """
    totals = ClickCount.objects.order_by("query", "product_id").values_list("query", "product_id")
    return totals.annotate(total=Sum("count")).iterator(chunk_size=CHUNK)
