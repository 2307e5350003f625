"""Previews: what pages show of a clip besides its player."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.leases.leased import Leased


class ClipPreview(Leased):
    """Key frames, loudness and subtitles of a clip, by content hash. Derived from the file.

    The row is the claim of the worker that makes the preview until `made_at` is set. The row of an
    unreadable clip is empty. `spans` are the seconds of its key frames (`spans.py`), `peaks` has a
    byte of loudness for each stretch of sound (`search.media.audio_preview`). Pictures and
    subtitles are in the media store (`webapp.catalog.services.previews`).
    """

    content_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(null=True, blank=True)
    duration_s = models.FloatField(default=0)
    spans = models.BinaryField(default=b"")
    peaks = models.BinaryField(default=b"")
    subtitled = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("clip preview")
        verbose_name_plural = _("clip previews")

    def __str__(self) -> str:
        return f"preview of {self.content_hash[:10]}"
