"""Writing the click log: counting, and forgetting what is old."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
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
    # In one order everywhere, so that writers of the same rows wait for each other instead of deadlocking.
    rows = sorted(clicks.items())
    try:
        with transaction.atomic():
            ClickCount.objects.bulk_create(
                [ClickCount(query=query, product_id=product, day=day) for (query, product), _ in rows],
                ignore_conflicts=True,
            )
            for (query, product), count in rows:
                row = ClickCount.objects.filter(query=query, product_id=product, day=day)
                row.update(count=F("count") + count)
    except IntegrityError as error:
        raise Product.DoesNotExist from error


def clicks_prune() -> int:
    """Delete the days older than `OMNISHELF_CLICK_LOG_DAYS`. Returns how many rows."""
    oldest = timezone.now().date() - dt.timedelta(days=settings.CLICK_LOG_DAYS)
    return ClickCount.objects.filter(day__lt=oldest).delete()[0]
