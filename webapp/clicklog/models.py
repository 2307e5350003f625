"""The click counts: how often which product was opened for which query."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.catalog.models import Product

MAX_QUERY_LENGTH = 200
"""In characters. A longer text is rarely a query and may identify its writer: it is not logged."""


class ClickCount(models.Model):
    """How often a product was opened from the results of a query on one day (UTC).

    A row holds nothing about the shopper.
    """

    query = models.CharField(
        _("query"),
        max_length=MAX_QUERY_LENGTH,
        help_text=_("normalised: lower case, single spaces"),
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="clicks"
    )
    day = models.DateField(_("day"), db_index=True)
    count = models.PositiveBigIntegerField(_("clicks"), default=0)

    class Meta:
        # The name from the time when the model belonged to the app `shop`: an upgrade changes no
        # table, and the previous release still works beside it.
        db_table = "shop_clickcount"
        ordering = ["-day", "-count", "-id"]
        verbose_name = _("click count")
        verbose_name_plural = _("click log")
        constraints = [
            models.UniqueConstraint(fields=["query", "product", "day"], name="clicks_once_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.query} → {self.product_id}: {self.count}"
