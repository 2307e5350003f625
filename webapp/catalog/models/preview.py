"""What pages show of a clip beside its player."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.leases.leased import Leased


class ClipPreview(Leased):
    """Key frames, loudness and subtitles of a clip, by content hash. Derived from the file: it
    may be deleted, and is then made again.

    A row is the claim of whoever makes it until `made_at` is set. A clip that cannot be read has
    one without anything. `spans` are the seconds of its key frames
    (`webapp.catalog.models.spans`), `peaks` a byte of loudness for each stretch of its sound
    (`search.media.audio_preview`). Pictures and subtitles lie in the media store
    (`webapp.catalog.services.previews`).
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
