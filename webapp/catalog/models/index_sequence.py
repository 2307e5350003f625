"""The clock that orders changes to what search may return."""

from __future__ import annotations

from django.db import models


class IndexClock(models.Model):
    """One row. Its value is raised inside the transaction that changes products.

    The row lock held until commit makes sequence numbers become visible in order, so a reader
    that has seen n has seen everything up to n. A database sequence would not: a lower number
    may be committed after a higher one.
    """

    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="index_clock_is_one_row")
        ]

    def __str__(self) -> str:
        return str(self.value)


class RemovedProduct(models.Model):
    """A deleted product's trace, so that readers drop its views."""

    product_id = models.BigIntegerField(primary_key=True)
    sku = models.CharField(max_length=64)
    index_seq = models.BigIntegerField(db_index=True)
    removed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sku
