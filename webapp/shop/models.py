"""The click log: which products shoppers opened after which words."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.catalog.models import Product

LONGEST_QUERY = 200
"""Characters. What is longer is a letter rather than a query, and may tell who wrote it: it is
not logged."""


class ClickCount(models.Model):
    """How often a product was opened from the results of a query on one day (UTC). Nothing says
    by whom.
    """

    query = models.CharField(
        _("query"), max_length=LONGEST_QUERY, help_text=_("normalised: lower case, single spaces")
    )
    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="clicks"
    )
    day = models.DateField(_("day"), db_index=True)
    count = models.PositiveBigIntegerField(_("clicks"), default=0)

    class Meta:
        ordering = ["-day", "-count", "-id"]
        verbose_name = _("click count")
        verbose_name_plural = _("click log")
        constraints = [
            models.UniqueConstraint(fields=["query", "product", "day"], name="clicks_once_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.query} → {self.product_id}: {self.count}"
