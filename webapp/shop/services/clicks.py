"""Writing the click log: counting, and forgetting what is old."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Case, F, When
from django.utils import timezone

from webapp.catalog.models import Product
from webapp.shop.models import LONGEST_QUERY, ClickCount


def query_normalise(text: str) -> str:
    """'  Red\\tMUG ' → 'red mug', so that one wish is one query; '' for what is too long to be logged.

    Compatibility forms (NFKC) and case are folded, runs of whitespace become one space.
    """
    # Folding case can undo the normal form, hence twice.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    query = " ".join(folded.split())
    return query if len(query) <= LONGEST_QUERY else ""


def clicks_add(clicks: Mapping[tuple[str, int], int]) -> None:
    """Add today's clicks, counted by (normalised query, product id).

    Raises Product.DoesNotExist when a product is gone; then nothing is counted.
    """
    day = timezone.now().date()
    try:
        with transaction.atomic():
            ClickCount.objects.bulk_create(
                # In one order everywhere, so that writers of the same rows wait for each other
                # instead of deadlocking.
                [
                    ClickCount(query=query, product_id=product, day=day)
                    for query, product in sorted(clicks)
                ],
                ignore_conflicts=True,
            )
            _raise_counts(clicks, day)
    except IntegrityError as error:
        raise Product.DoesNotExist from error


def _raise_counts(clicks: Mapping[tuple[str, int], int], day: dt.date) -> None:
    """One locking read and one update, however many rows."""
    named = {
        "query__in": {query for query, _ in clicks},
        "product__in": {product for _, product in clicks},
    }
    locked = (
        ClickCount.objects.select_for_update(of=("self",))
        .filter(day=day, **named)
        .order_by("query", "product_id")
    )
    counts = {
        row.pk: clicks[row.query, row.product_id]
        for row in locked
        if (row.query, row.product_id) in clicks
    }
    more = Case(
        *(When(pk=key, then=count) for key, count in counts.items()), output_field=BigIntegerField()
    )
    ClickCount.objects.filter(pk__in=counts).update(count=F("count") + more)


def clicks_prune() -> int:
    """Delete the days older than `OMNISHELF_CLICK_LOG_DAYS`. Returns how many rows."""
    oldest = timezone.now().date() - dt.timedelta(days=settings.CLICK_LOG_DAYS)
    return ClickCount.objects.filter(day__lt=oldest).delete()[0]
