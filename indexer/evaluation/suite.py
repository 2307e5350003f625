"""Evaluate several folders, compute their mean, and compare with an earlier run."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Column, Table

from indexer.evaluation.report import Report, bounds, interval
from indexer.evaluation.run import evaluate_folder
from search.errors import InputError
from search.evaluation.folder import read_folder, read_modalities
from search.evaluation.significance import Estimate, estimate_mean, paired_differences
from search.modalities import MODALITIES
from search.types import Space
from webapp.retrieval.models_runtime import active_space

HEADLINE = (
    "clothing",
    "clothing-by-photo",
    "flickr8k",
    "grocery-coarse",
    "grocery-fine",
    "ikea-description",
    "ikea-type",
    "myntra-colour-type",
    "myntra-title",
)
"""The sets whose mean mAP is the headline figure of an encoder."""

Precisions = dict[str, dict[str, float]]
"""Average precision by set and query id."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The reports in the order of the folders, and why other folders were skipped."""

    space: Space
    reports: tuple[Report, ...]
    skipped: dict[str, str]

    @property
    def precisions(self) -> Precisions:
        """Average precision by set and query."""
        return {report.folder: report.precisions for report in self.reports}

    @property
    def mean(self) -> Estimate | None:
        """Mean mAP over the headline sets, each with equal weight; None unless all of them ran."""
        found = self.precisions
        if not set(HEADLINE) <= found.keys():
            return None
        return estimate_mean(*(list(found[name].values()) for name in HEADLINE))

    def as_dict(self) -> dict[str, Any]:
        """Return all results, for JSON."""
        mean = self.mean
        return {
            "preset": self.space.preset,
            "space": self.space.fingerprint,
            "mean": {"mAP": mean.value, "interval": bounds(mean)} if mean else None,
            "sets": {report.folder: report.as_dict() for report in self.reports},
            "skipped": self.skipped,
        }


def select_folders(folders: Sequence[Path], only: Collection[str]) -> list[Path]:
    """Return the folders with these names, all without a name. Raises InputError."""
    if unknown := set(only) - {folder.name for folder in folders}:
        known = ", ".join(folder.name for folder in folders)
        raise InputError(
            "this evaluation folder does not exist",
            value=sorted(unknown)[0],
            fix=f"Available: {known}.",
        )
    return [folder for folder in folders if not only or folder.name in only]


def evaluate_folders(folders: Sequence[Path], report: Callable[[str], None]) -> Suite:
    """Evaluate one folder after another in this installation, which loses its catalogue.

    `report` gets a line when a folder begins or is skipped. Raises what `evaluate_folder` raises.
    """
    space = active_space()
    reports, skipped = [], {}
    for folder in folders:
        if missing := read_modalities(folder) - MODALITIES.encodable(space.modalities):
            skipped[folder.name] = (
                f"it needs {' and '.join(sorted(missing))}, which {space.preset} does not encode"
            )
            report(f"{folder.name}: skipped, {skipped[folder.name]}")
            continue
        report(folder.name)
        reports.append(evaluate_folder(read_folder(folder)))
    return Suite(space, tuple(reports), skipped)


def read_precisions(path: Path) -> Precisions:
    """Read the --json file of an earlier run. Raises InputError when it is not one."""
    try:
        sets = json.loads(path.read_text("utf-8"))["sets"]
        return {
            name: {identity: float(query["AP"]) for identity, query in found["queries"].items()}
            for name, found in sets.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "this file was not written by evaluate --json", value=str(path), fix=f"{error!r}"
        ) from error


def compare_runs(now: Precisions, earlier: Precisions) -> dict[str, Estimate]:
    """Estimate the difference in mAP of each common set, and of the headline mean.

    Raises InputError when a set has different queries in the two runs, or there is no common set.
    """
    shared = {name: paired_differences(now[name], earlier[name]) for name in now if name in earlier}
    if not shared:
        raise InputError("the two runs have no set in common", value=sorted(earlier))
    found = {name: estimate_mean(values) for name, values in shared.items()}
    if set(HEADLINE) <= shared.keys():
        found["mean"] = estimate_mean(*(shared[name] for name in HEADLINE))
    return found


def make_figures_table(suite: Suite) -> Table:
    """Return one row per set, and the mean of the headline sets when all of them ran."""
    table = Table(
        _make_name_column(suite), "products", "queries", "mAP", "95 %", "hit@1", "hit@5", "hit@10"
    )
    for report in suite.reports:
        hits = (f"{report.metrics[name]:.3f}" for name in ("hit@1", "hit@5", "hit@10"))
        counts = str(report.products), str(len(report.answers))
        table.add_row(
            report.folder,
            *counts,
            f"{report.precision.value:.3f}",
            interval(report.precision),
            *hits,
        )
    if mean := suite.mean:
        table.add_row(
            f"mean of {len(HEADLINE)}", "", "", f"{mean.value:.3f}", interval(mean), "", "", ""
        )
    return table


def make_comparison_table(suite: Suite, earlier: Precisions) -> Table:
    """Return the mAP of two runs, with "noise" for a difference within chance.

    Raises InputError when the runs cannot be compared.
    """
    now = suite.precisions
    table = Table(_make_name_column(suite), "earlier mAP", "mAP", "difference", "95 %", "")
    for name, change in compare_runs(now, earlier).items():
        names = HEADLINE if name == "mean" else (name,)
        before, after = (
            fmean(fmean(run[each].values()) for each in names) for run in (earlier, now)
        )
        table.add_row(
            name,
            f"{before:.3f}",
            f"{after:.3f}",
            f"{change.value:+.3f}",
            interval(change),
            _describe_change(change),
        )
    return table


def _make_name_column(suite: Suite) -> Column:
    """Return a column wide enough for every name, however narrow the terminal."""
    return Column("set", min_width=max(len(report.folder) for report in suite.reports))


def _describe_change(change: Estimate) -> str:
    if change.is_noise:
        return "noise"
    return "better" if change.value > 0 else "worse"
