"""Changes of model: another encoder's space is made beside the one in use, judged, and brought
into use.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.leases.leased import Leased

MIN_QUERIES = 20
"""Fewer questions, where no golden set was given, say nothing about a model."""


class ModelChangeState(models.TextChoices):
    RUNNING = "running", _("running")
    TRIED = "tried", _("tried")
    REFUSED = "refused", _("refused")
    LIVE = "live", _("in use")
    RETIRED = "retired", _("replaced")
    ROLLED_BACK = "rolled_back", _("rolled back")
    FAILED = "failed", _("failed")


class ModelChangeStage(models.TextChoices):
    """What a running change is doing, by what it counts. A change in use has the last one while
    it is taken back.
    """

    ENCODING = "encoding", _("contents encoded")
    BUILDING = "building", _("indexes built")
    COMPARING = "judging", _("questions asked")
    ROLLING_BACK = "returning", _("contents encoded for going back")


class GoldenSetSource(models.TextChoices):
    """Where the questions came from."""

    FILE = "file", _("a golden set")
    CLICKS = "clicks", _("queries and the products that shoppers opened for them")
    CATALOGUE = "catalogue", _("titles, which should find their product's pictures")


class ModelChange(Leased):
    """One change of model. The live one decides which preset is searched; without one,
    OMNISHELF_PRESET does.

    `previous` is what was live before it (nothing: OMNISHELF_PRESET), and where a rollback goes.
    `base` is the space of the preset itself, `space` that space under the heads that were tuned
    over it, if any; the same for what was in use.
    """

    preset = models.CharField(_("preset"), max_length=80)
    base = models.CharField(_("space of the preset's own heads"), max_length=64)
    heads_digest = models.CharField(_("checksum of the heads"), max_length=64, blank=True)
    space = models.CharField(_("space"), max_length=64)
    previous = models.ForeignKey(
        "self", verbose_name=_("before it"), null=True, blank=True, on_delete=models.PROTECT
    )
    previous_preset = models.CharField(_("former preset"), max_length=80)
    previous_base = models.CharField(_("space of the former preset's own heads"), max_length=64)
    previous_space = models.CharField(_("former space"), max_length=64)
    state = models.CharField(
        _("state"), max_length=11, choices=ModelChangeState, default=ModelChangeState.RUNNING
    )
    stage = models.CharField(_("stage"), max_length=10, choices=ModelChangeStage, blank=True)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(_("of"), default=0)
    dry_run = models.BooleanField(_("dry run"), default=False)
    forced = models.BooleanField(_("forced"), default=False)
    failed_count = models.PositiveBigIntegerField(_("contents set aside"), default=0)
    golden_source = models.CharField(
        _("questions"), max_length=10, choices=GoldenSetSource, blank=True
    )
    query_count = models.PositiveIntegerField(_("number of questions"), default=0)
    skipped_count = models.PositiveIntegerField(_("questions left out"), default=0)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)
    gain = models.FloatField(_("gain"), null=True, blank=True)
    gain_low = models.FloatField(_("gain at least"), null=True, blank=True)
    gain_high = models.FloatField(_("gain at most"), null=True, blank=True)
    overlap = models.FloatField(_("shared share of the ten best"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("change of model")
        verbose_name_plural = _("changes of model")
        constraints = [
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state__in=[ModelChangeState.RUNNING, ModelChangeState.LIVE]),
                name="space_change_one_running_one_live",
            )
        ]

    def __str__(self) -> str:
        return f"{self.previous_preset} → {self.preset} #{self.pk} {self.state}"

    @property
    def is_interrupted(self) -> bool:
        """Does it wait to be gone on with, because its process has ended?"""
        return self.state == ModelChangeState.RUNNING and not self.claimed_by

    @property
    def has_too_few_queries(self) -> bool:
        return self.golden_source != GoldenSetSource.FILE and self.query_count < MIN_QUERIES

    @property
    def is_accepted(self) -> bool:
        """Whether the golden set does not get worse."""
        return not self.has_too_few_queries and self.gain is not None and self.gain >= 0

    @property
    def decision(self) -> str:
        """In one sentence, what the questions said and what came of it; empty while that is not
        known.
        """
        if not self.golden_source:
            return ""
        return f"{self._outcome} {self._finding}".strip()

    @property
    def _outcome(self) -> str:
        if self.is_accepted:
            return ""
        return str(
            _("Forced.")
            if self.forced and self.state != ModelChangeState.TRIED
            else _("Not brought into use.")
        )

    @property
    def _finding(self) -> str:
        if self.has_too_few_queries:
            text = _("Only %(count)d questions could be asked, which is too few to judge by.")
            return str(text % {"count": self.query_count})
        values = self.gain, self.gain_low, self.gain_high
        names = ("gain", "low", "high")
        figures = {
            name: "–" if value is None else f"{value:+.3f}"
            for name, value in zip(names, values, strict=True)
        }
        if self.is_accepted:
            text = _(
                "mAP changes by %(gain)s (95 %% interval %(low)s to %(high)s), so the golden set is not worse."
            )
        else:
            text = _(
                "mAP changes by %(gain)s (95 %% interval %(low)s to %(high)s): the golden set gets worse."
            )
        return str(text % figures)
