"""Published index generations, mirrored from their manifests, which are the authority."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class GenerationState(models.TextChoices):
    """The state of a generation."""

    LIVE = "live", _("live")
    RETIRED = "retired", _("retired")
    FAILED = "failed", _("failed")


class IndexGeneration(models.Model):
    """A published set of segments. `seq` is the clock value up to which it holds every change."""

    space = models.CharField(_("space"), max_length=64)
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=8, choices=GenerationState)
    seq = models.BigIntegerField(_("clock"))
    views = models.PositiveBigIntegerField(_("views"), default=0)
    manifest = models.JSONField(_("manifest"), default=dict, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    published_at = models.DateTimeField(_("published"), auto_now_add=True)

    class Meta:
        ordering = ["-published_at"]
        verbose_name = _("index generation")
        verbose_name_plural = _("index generations")
        constraints = [
            models.UniqueConstraint(fields=["space", "number"], name="generation_number_once"),
            models.UniqueConstraint(
                fields=["space"],
                condition=models.Q(state="live"),
                name="generation_one_live_per_space",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.space} #{self.number} {self.state}"
