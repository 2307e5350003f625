"""Changes of model: another encoder's space is filled, compared, and brought into use."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.leases.leased import Leased

MIN_QUERIES = 20
"""With fewer queries, unless a golden set was given, no decision is possible."""


class ModelChangeState(models.TextChoices):
    """The state of a change."""

    RUNNING = "running", _("running")
    TRIED = "tried", _("tried")
    REFUSED = "refused", _("refused")
    LIVE = "live", _("in use")
    RETIRED = "retired", _("replaced")
    ROLLED_BACK = "rolled_back", _("rolled back")
    FAILED = "failed", _("failed")


class ModelChangeStage(models.TextChoices):
    """What a running change counts. A live change is in ROLLING_BACK during its rollback."""

    ENCODING = "encoding", _("contents encoded")
    BUILDING = "building", _("indexes built")
    COMPARING = "judging", _("queries compared")
    ROLLING_BACK = "returning", _("contents encoded for the rollback")


class GoldenSetSource(models.TextChoices):
    """Where the queries of a comparison come from."""

    FILE = "file", _("a golden set")
    CLICKS = "clicks", _("queries and the products that shoppers opened for them")
    CATALOGUE = "catalogue", _("titles, which should find their product's pictures")


class ModelChange(Leased):
    """One change of model. The live one decides which preset is searched, else OMNISHELF_PRESET.

    `previous` is the change that was live before, and the target of a rollback; without it that is
    OMNISHELF_PRESET. `base` is the space of the preset itself, `space` the one under its tuned
    heads, if any; `previous_base` and `previous_space` are those of the model in use before.
    """

    preset = models.CharField(_("preset"), max_length=80)
    base = models.CharField(_("space of the preset's own heads"), max_length=64)
    heads_digest = models.CharField(_("checksum of the heads"), max_length=64, blank=True)
    space = models.CharField(_("space"), max_length=64)
    previous = models.ForeignKey(
        "self", verbose_name=_("before it"), null=True, blank=True, on_delete=models.PROTECT
    )
    previous_preset = models.CharField(_("previous preset"), max_length=80)
    previous_base = models.CharField(_("space of the previous preset's own heads"), max_length=64)
    previous_space = models.CharField(_("previous space"), max_length=64)
    state = models.CharField(
        _("state"), max_length=11, choices=ModelChangeState, default=ModelChangeState.RUNNING
    )
    stage = models.CharField(_("stage"), max_length=10, choices=ModelChangeStage, blank=True)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    total = models.PositiveBigIntegerField(_("of"), default=0)
    dry_run = models.BooleanField(_("dry run"), default=False)
    forced = models.BooleanField(_("forced"), default=False)
    failed_count = models.PositiveBigIntegerField(_("failed contents"), default=0)
    golden_source = models.CharField(
        _("source of the queries"), max_length=10, choices=GoldenSetSource, blank=True
    )
    query_count = models.PositiveIntegerField(_("queries"), default=0)
    skipped_count = models.PositiveIntegerField(_("skipped queries"), default=0)
    before = models.JSONField(_("before"), default=dict, blank=True)
    after = models.JSONField(_("after"), default=dict, blank=True)
    gain = models.FloatField(_("gain"), null=True, blank=True)
    gain_low = models.FloatField(_("gain at least"), null=True, blank=True)
    gain_high = models.FloatField(_("gain at most"), null=True, blank=True)
    overlap = models.FloatField(_("common share of the ten best"), null=True, blank=True)
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
        """Whether its process has ended, and the change waits to be resumed."""
        return self.state == ModelChangeState.RUNNING and not self.claimed_by

    @property
    def has_too_few_queries(self) -> bool:
        """Whether there are too few queries for a decision."""
        return self.golden_source != GoldenSetSource.FILE and self.query_count < MIN_QUERIES

    @property
    def is_accepted(self) -> bool:
        """Whether the queries allow the change: mean average precision is not lower."""
        return not self.has_too_few_queries and self.gain is not None and self.gain >= 0

    @property
    def decision(self) -> str:
        """The result of the comparison and what followed, in one sentence; empty before it."""
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
            text = _("Only %(count)d queries were available, too few for a decision.")
            return str(text % {"count": self.query_count})
        values = self.gain, self.gain_low, self.gain_high
        names = ("gain", "low", "high")
        figures = {
            name: "–" if value is None else f"{value:+.3f}"
            for name, value in zip(names, values, strict=True)
        }
        if self.is_accepted:
            text = _(
                "mAP changes by %(gain)s (95 %% interval %(low)s to %(high)s): the golden set does "
                "not get worse."
            )
        else:
            text = _(
                "mAP changes by %(gain)s (95 %% interval %(low)s to %(high)s): the golden set gets "
                "worse."
            )
        return str(text % figures)
