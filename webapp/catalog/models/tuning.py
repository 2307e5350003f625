"""Tunings: heads trained on the merchant's own catalogue, and which of them is in use."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.leases.leased import Leased


class TuningState(models.TextChoices):
    """The state of a tuning."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    TRIED = "tried", _("tried")
    REJECTED = "rejected", _("not published")
    LIVE = "live", _("in use")
    RETIRED = "retired", _("replaced")
    ROLLED_BACK = "rolled_back", _("rolled back")
    FAILED = "failed", _("failed")


class TuningStage(models.TextChoices):
    """What a running tuning counts."""

    FEATURES = "features", _("features computed")
    WORDS = "words", _("texts read")
    TRAINING = "training", _("training epochs")
    PROJECTING = "projecting", _("contents projected")
    BUILDING = "building", _("indexes built")


UNFINISHED = [TuningState.QUEUED, TuningState.RUNNING]


class Tuning(Leased):
    """One tuning. Together with the preset, the live one decides which space is searched.

    `previous` is the tuning that was live before, and the target of a rollback; without it those
    are the preset's own heads. `base` is the space of the preset itself: after an update of its
    weights, heads tuned for the earlier ones are not used any more.
    """

    preset = models.CharField(_("preset"), max_length=80)
    base = models.CharField(_("space of the preset's own heads"), max_length=64)
    state = models.CharField(
        _("state"), max_length=11, choices=TuningState, default=TuningState.QUEUED
    )
    dry_run = models.BooleanField(_("dry run"), default=False)
    from_clicks = models.BooleanField(_("from clicks"), default=False)
    stage = models.CharField(_("stage"), max_length=10, choices=TuningStage, blank=True)
    done = models.PositiveIntegerField(_("done"), default=0)
    total = models.PositiveIntegerField(_("of"), default=0)
    pairs = models.PositiveIntegerField(_("pairs"), default=0)
    groups = models.PositiveIntegerField(_("product groups"), default=0)
    held_out = models.PositiveIntegerField(_("pictures held out"), default=0)
    decoded = models.PositiveIntegerField(_("pictures decoded"), default=0)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)
    gain = models.FloatField(_("gain"), null=True, blank=True)
    gain_low = models.FloatField(_("gain at least"), null=True, blank=True)
    gain_high = models.FloatField(_("gain at most"), null=True, blank=True)
    heads_digest = models.CharField(_("checksum of the heads"), max_length=64, blank=True)
    space = models.CharField(_("space"), max_length=64, blank=True)
    error = models.CharField(_("error"), max_length=1000, blank=True)
    rollback_requested = models.BooleanField(_("rollback requested"), default=False)
    previous = models.ForeignKey(
        "self", verbose_name=_("before it"), null=True, blank=True, on_delete=models.PROTECT
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("tuning")
        verbose_name_plural = _("tunings")
        constraints = [
            models.UniqueConstraint(
                fields=["preset"],
                condition=models.Q(state=TuningState.LIVE),
                name="tuning_one_live_per_preset",
            ),
            models.UniqueConstraint(
                fields=["preset"],
                condition=models.Q(state__in=UNFINISHED),
                name="tuning_one_at_a_time_per_preset",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=TuningState.LIVE) | ~models.Q(heads_digest=""),
                name="tuning_live_has_heads",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.preset} #{self.pk} {self.state}"

    @property
    def is_finished(self) -> bool:
        """Whether the tuning has ended."""
        return self.state not in UNFINISHED

    @property
    def is_better(self) -> bool:
        """Whether held-out products are found better, by more than chance."""
        return self.gain_low is not None and self.gain_low > 0

    @property
    def decision(self) -> str:
        """The result in one sentence; empty before it is known."""
        if self.gain is None or self.gain_low is None or self.gain_high is None:
            return ""
        figures = {
            "gain": f"{self.gain:+.3f}",
            "low": f"{self.gain_low:+.3f}",
            "high": f"{self.gain_high:+.3f}",
        }
        if not self.is_better:
            text = _(
                "Not published: mean mAP on held-out products changes by %(gain)s (95 %% interval "
                "%(low)s to %(high)s), which is no improvement beyond chance."
            )
        elif self.state == TuningState.TRIED:
            text = _(
                "Would be published: mean mAP on held-out products rises by %(gain)s (95 %% "
                "interval %(low)s to %(high)s)."
            )
        else:
            text = _(
                "Mean mAP on held-out products rises by %(gain)s (95 %% interval %(low)s to "
                "%(high)s)."
            )
        return str(text % figures)
