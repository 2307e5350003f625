"""Bulk uploads: the file is stored before it is accepted, and every row gets a result."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from webapp.leases.leased import Leased


class UploadState(models.TextChoices):
    """The state of an upload."""

    RECEIVED = "received", _("received")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class UploadSource(models.TextChoices):
    """Where an upload came from."""

    ADMIN = "admin", _("admin page")
    API = "api", _("REST API")
    TERMINAL = "terminal", _("terminal")


class Upload(Leased):
    """A catalogue file that is imported.

    `next_row` is the checkpoint from which an interrupted import resumes.
    """

    public_id = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(_("catalogue file"), upload_to="uploads/%Y/%m/", max_length=300)
    filename = models.CharField(_("file name"), max_length=255)
    media_zip = models.FileField(
        _("zip with media"), upload_to="uploads/%Y/%m/", max_length=300, blank=True
    )
    media_dir = models.CharField(
        _("media folder"), max_length=1000, blank=True, help_text=_("terminal uploads only")
    )
    source = models.CharField(_("source"), max_length=8, choices=UploadSource)
    dry_run = models.BooleanField(_("dry run"), default=False)
    remove_absent = models.BooleanField(_("remove products absent from the file"), default=False)
    state = models.CharField(
        _("state"), max_length=9, choices=UploadState, default=UploadState.RECEIVED
    )
    error = models.CharField(_("error"), max_length=1000, blank=True)
    notes = models.JSONField(_("remarks on the whole file"), default=list, blank=True)
    total_rows = models.PositiveIntegerField(_("rows"), null=True, blank=True)
    next_row = models.PositiveIntegerField(_("rows handled"), default=0)
    created_count = models.PositiveIntegerField(pgettext_lazy("rows", "created"), default=0)
    updated_count = models.PositiveIntegerField(_("updated"), default=0)
    unchanged_count = models.PositiveIntegerField(_("unchanged"), default=0)
    warning_count = models.PositiveIntegerField(_("with warnings"), default=0)
    error_count = models.PositiveIntegerField(_("errors"), default=0)
    removed_count = models.PositiveIntegerField(_("removed"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        constraints = [
            models.CheckConstraint(
                condition=Q(total_rows__isnull=True) | Q(next_row__lte=F("total_rows")),
                name="upload_rows_within_total",
            )
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.state})"

    @property
    def is_finished(self) -> bool:
        """Whether the import has ended."""
        return self.state in {UploadState.DONE, UploadState.FAILED, UploadState.CANCELLED}


class Outcome(models.TextChoices):
    """The result of a row."""

    CREATED = "created", pgettext_lazy("rows", "created")
    UPDATED = "updated", _("updated")
    UNCHANGED = "unchanged", _("unchanged")
    ERROR = "error", _("error")


class UploadRow(models.Model):
    """The result of one row.

    `messages` holds {level, field, reason}; `raw` is the row as uploaded, kept when it failed.
    """

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField(_("row"))
    sku = models.CharField(_("SKU"), max_length=64, blank=True, db_index=True)
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome)
    warned = models.BooleanField(_("warning"), default=False)
    messages = models.JSONField(_("messages"), default=list, blank=True)
    raw = models.JSONField(_("row as uploaded"), null=True, blank=True)

    class Meta:
        ordering = ["upload_id", "number"]
        verbose_name = _("upload row")
        verbose_name_plural = _("upload rows")
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="upload_row_once")]
        indexes = [
            models.Index(fields=["upload", "outcome", "number"], name="upload_row_by_outcome")
        ]

    def __str__(self) -> str:
        return f"row {self.number}: {self.outcome}"
