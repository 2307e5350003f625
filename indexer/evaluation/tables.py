"""Several evaluation folders in the terminal: their figures, and how these differ from a former
run's.
"""

from __future__ import annotations

from statistics import fmean

from rich.table import Column, Table

from indexer.evaluation.report import interval
from indexer.evaluation.suite import HEADLINE, Precisions, Suite, compare
from search.evaluation.significance import Estimate


def figures(suite: Suite) -> Table:
    """One row per set, and the mean of the headline sets where all of them ran."""
    table = Table(_names(suite), "products", "queries", "mAP", "95 %", "hit@1", "hit@5", "hit@10")
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


def comparison(suite: Suite, former: Precisions) -> Table:
    """MAP against a former run, with the word `noise` where chance alone may have made the
    difference.

    Raises InputError when the runs cannot be compared.
    """
    now = suite.precisions
    table = Table(_names(suite), "former mAP", "mAP", "difference", "95 %", "")
    for name, change in compare(now, former).items():
        names = HEADLINE if name == "mean" else (name,)
        before, after = (
            fmean(fmean(run[each].values()) for each in names) for run in (former, now)
        )
        table.add_row(
            name,
            f"{before:.3f}",
            f"{after:.3f}",
            f"{change.value:+.3f}",
            interval(change),
            verdict(change),
        )
    return table


def _names(suite: Suite) -> Column:
    """Names of sets are never cut, however narrow the terminal."""
    return Column("set", min_width=max(len(report.folder) for report in suite.reports))


def verdict(change: Estimate) -> str:
    if change.is_noise:
        return "noise"
    return "better" if change.value > 0 else "worse"
