"""Writes the click log: counts clicks and deletes old days."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, Case, F, When
from django.utils import timezone

from webapp.catalog.models import Product
from webapp.clicklog.models import MAX_QUERY_LENGTH, ClickCount


def normalise_query(text: str) -> str:
    r"""Return the query under which a text is counted: '  Red\tMUG ' → 'red mug'.

    Folds compatibility forms (NFKC) and case, and turns runs of whitespace into one space.
    Returns '' for a text that is too long to be logged.
    """
    # Case folding can undo NFKC, hence twice.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    query = " ".join(folded.split())
    return query if len(query) <= MAX_QUERY_LENGTH else ""


def add_clicks(clicks: Mapping[tuple[str, int], int]) -> None:
    """Add today's clicks, counted by (normalised query, product id).

    Raises Product.DoesNotExist when a product no longer exists; then nothing is counted.
    """
    day = timezone.now().date()
    try:
        with transaction.atomic():
            ClickCount.objects.bulk_create(
                # Sorted, so that concurrent writers of the same rows wait instead of deadlocking.
                [
                    ClickCount(query=query, product_id=product, day=day)
                    for query, product in sorted(clicks)
                ],
                ignore_conflicts=True,
            )
            _increment_counts(clicks, day)
    except IntegrityError as error:
        raise Product.DoesNotExist from error


def _increment_counts(clicks: Mapping[tuple[str, int], int], day: dt.date) -> None:
    """Add to the counts of existing rows with one locking read and one update."""
    rows = (
        ClickCount.objects.select_for_update(of=("self",))
        .filter(
            day=day,
            query__in={query for query, _ in clicks},
            product__in={product for _, product in clicks},
        )
        .order_by("query", "product_id")
    )
    increments = {
        row.pk: clicks[row.query, row.product_id]
        for row in rows
        if (row.query, row.product_id) in clicks
    }
    increment = Case(
        *(When(pk=key, then=count) for key, count in increments.items()),
        output_field=BigIntegerField(),
    )
    ClickCount.objects.filter(pk__in=increments).update(count=F("count") + increment)


def prune_clicks() -> int:
    """Delete days older than `OMNISHELF_CLICK_LOG_DAYS` and return the number of deleted rows."""
    oldest = timezone.now().date() - dt.timedelta(days=settings.CLICK_LOG_DAYS)
    return ClickCount.objects.filter(day__lt=oldest).delete()[0]
