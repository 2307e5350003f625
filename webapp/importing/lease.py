"""The right to import one upload: claimed once, renewed at every checkpoint."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import Self

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from search.errors import Unavailable
from webapp.catalog.models import Upload, UploadState
from webapp.config import web_settings
from webapp.leases.leased import LeasedQuerySet

MAX_INTERRUPTIONS = 5
"""An upload that is interrupted so often at the same row fails."""

RENEWALS_PER_LEASE = 4


class ClaimLost(Unavailable):
    """The upload was cancelled, or another worker claimed it after this one was silent for long."""


class Claim:
    """A claimed upload. Every write is conditional on still holding the claim."""

    def __init__(self, upload_id: int, token: uuid.UUID) -> None:
        self.upload_id = upload_id
        self.token = token
        self._lease = _lease()
        self._plan_renewal()

    @classmethod
    def take(cls, upload_id: int) -> Self | None:
        """Claim an upload that waits or whose importer has died.

        Returns None when there is nothing to do or another process has the upload.
        """
        free = Q(state=UploadState.RECEIVED) | Q(
            state=UploadState.RUNNING, lease_expires_at__lt=Now()
        )
        token = Upload.objects.filter(free, pk=upload_id).claim(
            _lease(),
            state=UploadState.RUNNING,
            started_at=Coalesce("started_at", Value(timezone.now())),
        )
        return cls(upload_id, token) if token else None

    def renew(self) -> None:
        """Extend the lease when a quarter of it is used. Cheap to call often.

        Raises ClaimLost.
        """
        if time.monotonic() >= self._renew_at:
            self.update()

    def update(self, **fields: object) -> None:
        """Write to the upload and extend the lease.

        Raises ClaimLost, which undoes the transaction around it.
        """
        self._require(self._row().renew(self._lease, **fields))
        self._plan_renewal()

    def checkpoint(self, rows: int, increments: dict[str, int]) -> None:
        """Record that so many more rows are handled. Raises ClaimLost."""
        self.update(
            next_row=F("next_row") + rows,
            **{name: F(name) + count for name, count in increments.items()},
        )

    def finish(self, state: UploadState, *, error: str = "") -> None:
        """End the import. Raises ClaimLost."""
        self._require(self._row().release(state=state, error=error[:1000], finished_at=Now()))

    def record_interruption(self, error: BaseException) -> None:
        """Let another worker resume at once, or fail after MAX_INTERRUPTIONS at the same row.

        Raises ClaimLost.
        """
        upload = Upload.objects.get(pk=self.upload_id)
        reason = f"{type(error).__name__}: {error}"[:1000]
        note = {"level": "interrupted", "row": upload.next_row, "reason": reason}
        notes = [*upload.notes, note]
        if sum(other.get("row") == upload.next_row for other in notes) >= MAX_INTERRUPTIONS:
            self.update(notes=notes)
            self.finish(
                UploadState.FAILED,
                error=f"failed after {MAX_INTERRUPTIONS} interruptions: {reason}",
            )
        else:
            self.update(notes=notes, error=reason)
            self.release()

    def release(self) -> None:
        """Let another worker resume without waiting for the lease to expire."""
        self._row().release(state=UploadState.RECEIVED)

    def _row(self) -> LeasedQuerySet[Upload]:
        return Upload.objects.filter(pk=self.upload_id, state=UploadState.RUNNING).held(self.token)

    def _require(self, rows: int) -> None:
        if not rows:
            raise ClaimLost("the upload was cancelled or claimed again", value=self.upload_id)

    def _plan_renewal(self) -> None:
        self._renew_at = time.monotonic() + self._lease.total_seconds() / RENEWALS_PER_LEASE


def _lease() -> timedelta:
    return timedelta(seconds=web_settings().job_lease_s)
