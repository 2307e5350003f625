"""Embeddings and index jobs, both keyed by content hash and space."""

from __future__ import annotations

from typing import Self

import numpy as np
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from search.types import Vectors
from webapp.catalog.models.asset import AssetKind
from webapp.leases.leased import Leased, LeasedQuerySet

STORED = np.dtype("<f2")
"""Little-endian 16-bit floats. The error of about 0.001 in cosine is far below any difference that
matters."""


class Embedding(models.Model):
    """The unit vectors of a content in a space. Index rebuilds keep them: they cost model time.

    A text or a picture has one vector. A clip has a row per modality, with a vector for each of its
    views. A row without vectors says that the modality is empty.
    """

    space = models.CharField(_("space"), max_length=64)
    modality = models.CharField(_("modality"), max_length=8, choices=AssetKind)
    content_hash = models.CharField(_("content hash"), max_length=64)
    vector = models.BinaryField(_("vector"))
    spans = models.BinaryField(
        _("seconds"),
        default=b"",
        help_text=_("of the parts of a clip; a vector before them is of the whole"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("embedding")
        verbose_name_plural = _("embeddings")
        constraints = [
            models.UniqueConstraint(
                fields=["space", "modality", "content_hash"], name="embedding_once_per_content"
            )
        ]

    def __str__(self) -> str:
        return f"{self.modality} {self.content_hash[:10]} in {self.space}"

    @staticmethod
    def pack(vectors: Vectors) -> bytes:
        """Convert (dim,) or (n, dim) to bytes."""
        return vectors.astype(STORED).tobytes()

    @staticmethod
    def unpack(rows: list[bytes], dim: int) -> Vectors:
        """Convert stored rows, each with one or more views, to unit vectors (views, dim)."""
        vectors = (
            np.frombuffer(b"".join(bytes(row) for row in rows), STORED)
            .reshape(-1, dim)
            .astype(np.float32)
        )
        norms: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / norms


class JobState(models.TextChoices):
    """The state of an index job."""

    QUEUED = "queued", _("queued")
    CLAIMED = "claimed", _("being encoded")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class IndexJobQuerySet(LeasedQuerySet["IndexJob"]):
    """Queries on index jobs."""

    def claimable(self, space: str) -> Self:
        """Return the queued jobs of a space whose time has come."""
        return self.filter(space=space, state=JobState.QUEUED, not_before__lte=Now())


class IndexJob(Leased):
    """One content to encode into one space.

    A worker claims it by its lease; the reconciler queues it again when the worker is lost.
    """

    space = models.CharField(_("space"), max_length=64)
    modality = models.CharField(_("modality"), max_length=8, choices=AssetKind)
    content_hash = models.CharField(_("content hash"), max_length=64)
    state = models.CharField(_("state"), max_length=8, choices=JobState, default=JobState.QUEUED)
    not_before = models.DateTimeField(_("not before"), auto_now_add=False, db_default=Now())
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = IndexJobQuerySet.as_manager()  # type: ignore[misc]  # replaces that of Leased

    class Meta:
        ordering = ["id"]
        verbose_name = _("index job")
        verbose_name_plural = _("index jobs")
        constraints = [
            models.UniqueConstraint(
                fields=["space", "modality", "content_hash"], name="job_once_per_content"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="claimed") | models.Q(claim__isnull=False),
                name="job_claimed_has_claim",
            ),
        ]
        indexes = [models.Index(fields=["state", "space", "id"], name="job_by_state")]

    def __str__(self) -> str:
        return f"{self.modality} {self.content_hash[:10]} {self.state}"
