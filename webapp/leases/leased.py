"""A lease on a row: one process at a time works on it, and a dead process loses it.

Imports, index jobs, tunings, changes of model and previews use the same lease.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.leases.process_id import is_dead, this_process

_Row = TypeVar("_Row", bound=models.Model, covariant=True)


def lease_fields(lease: datetime.timedelta, owner: str = "") -> dict[str, Any]:
    """Return the fields of a row that `owner`, by default this process, claims now."""
    return {
        "claim": uuid.uuid4(),
        "claimed_by": owner or this_process(),
        "lease_expires_at": timezone.now() + lease,
    }


class LeasedQuerySet(models.QuerySet[_Row]):
    """The four steps of a lease. Each is one conditional UPDATE, whose row count says who won."""

    def claim(
        self, lease: datetime.timedelta, *, owner: str = "", **values: Any
    ) -> uuid.UUID | None:
        """Claim these rows and set `values`. Return the token of the claim, None without a row.

        The query says which rows are free: of several processes that claim the same row, the
        first one changes it, and it is not among the rows of the others any more.
        """
        fields = lease_fields(lease, owner)
        return fields["claim"] if self.update(**fields, **values) else None

    def held(self, claim: uuid.UUID | None) -> Self:
        """Return those of these rows that this claim still holds."""
        return self.filter(claim=claim) if claim else self.none()

    def renew(self, lease: datetime.timedelta, **values: Any) -> int:
        """Extend the lease of these rows and set `values`. Return how many there are."""
        return self.update(lease_expires_at=timezone.now() + lease, **values)

    def release(self, **values: Any) -> int:
        """End the lease of these rows and set `values`. Return how many there are."""
        return self.update(claim=None, claimed_by="", lease_expires_at=None, **values)

    def abandoned(self) -> Self:
        """Return the claimed rows whose lease expired or whose owner, on this host, is dead."""
        owners = self.order_by().values_list("claimed_by", flat=True).distinct()
        dead = [owner for owner in owners if is_dead(owner)]
        lost = Q(lease_expires_at__lt=timezone.now()) | Q(claimed_by__in=dead)
        return self.exclude(claimed_by="").filter(lost)


class Leased(models.Model):
    """A row with a lease.

    `claim` is a token that names one claim, so that a process which lost its lease cannot write
    to a row that another process, or another thread of it, has claimed since.
    """

    claim = models.UUIDField(null=True, blank=True, editable=False)
    claimed_by = models.CharField(_("claimed by"), max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(_("lease expires"), null=True, blank=True)

    objects = LeasedQuerySet.as_manager()

    class Meta:
        abstract = True
