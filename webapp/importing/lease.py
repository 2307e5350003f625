"""The right to import one upload: taken by a conditional UPDATE, kept by a lease, checked at
every checkpoint.
"""

from __future__ import annotations

import os
import socket
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

INTERRUPTIONS = 5
"""So many interruptions at the same row, and the upload is given up."""


class ClaimLost(Unavailable):
    """The upload was cancelled, or another worker took it over after this one had been silent
    for too long.
    """


class Claim:
    """A claimed upload. Every write is conditional on still holding the claim."""

    def __init__(self, upload_id: int, token: uuid.UUID) -> None:
        self.upload_id = upload_id
        self.token = token
        self._lease = timedelta(seconds=web_settings().job_lease_s)
        self._renew_at = time.monotonic() + self._lease.total_seconds() / 4

    @classmethod
    def take(cls, upload_id: int) -> Self | None:
        """Claim an upload that waits or whose importer has died. None when there is nothing to
        do or another has it.
        """
        claim = cls(upload_id, uuid.uuid4())
        free = Q(state=UploadState.RECEIVED) | Q(
            state=UploadState.RUNNING, lease_expires_at__lt=Now()
        )
        taken = Upload.objects.filter(free, pk=upload_id).update(
            state=UploadState.RUNNING,
            claim=claim.token,
            claimed_by=f"{socket.gethostname()}:{os.getpid()}"[:120],
            lease_expires_at=timezone.now() + claim._lease,
            started_at=Coalesce("started_at", Value(timezone.now())),
        )
        return claim if taken else None

    def renew(self) -> None:
        """Prolong the lease when a quarter of it is used. Cheap to call often. Raises ClaimLost."""
        if time.monotonic() >= self._renew_at:
            self.update()

    def update(self, **fields: object) -> None:
        """Write to the upload and prolong the lease. Raises ClaimLost, which undoes the
        transaction around it.
        """
        mine = Upload.objects.filter(pk=self.upload_id, claim=self.token, state=UploadState.RUNNING)
        if not mine.update(lease_expires_at=timezone.now() + self._lease, **fields):
            raise ClaimLost("the upload was cancelled or taken over", value=self.upload_id)
        self._renew_at = time.monotonic() + self._lease.total_seconds() / 4

    def checkpoint(self, rows: int, increments: dict[str, int]) -> None:
        """Record that so many more rows are handled."""
        self.update(
            next_row=F("next_row") + rows,
            **{name: F(name) + count for name, count in increments.items()},
        )

    def finish(self, state: UploadState, *, error: str = "") -> None:
        self.update(state=state, error=error[:1000], finished_at=Now(), claim=None)

    def interrupted(self, error: BaseException) -> None:
        """Leave the upload to be resumed, at once; give it up when it keeps failing at the same
        row.
        """
        upload = Upload.objects.get(pk=self.upload_id)
        reason = f"{type(error).__name__}: {error}"[:1000]
        note = {"level": "interrupted", "row": upload.next_row, "reason": reason}
        notes = [*upload.notes, note]
        if sum(other.get("row") == upload.next_row for other in notes) >= INTERRUPTIONS:
            self.update(notes=notes)
            self.finish(
                UploadState.FAILED, error=f"given up after {INTERRUPTIONS} interruptions: {reason}"
            )
        else:
            self.update(notes=notes, error=reason)
            self.release()

    def release(self) -> None:
        """Let another worker resume without waiting for the lease to run out."""
        Upload.objects.filter(
            pk=self.upload_id, claim=self.token, state=UploadState.RUNNING
        ).update(state=UploadState.RECEIVED, claim=None, lease_expires_at=None)
