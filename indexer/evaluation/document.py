"""The page and the plot that a run of all evaluation folders leaves in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from indexer.evaluation.plot import draw
from indexer.evaluation.report import FACETS, LISTED, Report, interval
from indexer.evaluation.suite import HEADLINE, Suite
from search.evaluation.results import EvaluatedQuery, is_label_set, pick_extremes

PAGE = "evaluation.md"
PLOT = "evaluation.svg"

INTRODUCTION = """\
# Evaluation

Written by `make eval`; do not edit. Encoder `{preset}`, space `{space}`.

Every set is imported, encoded, indexed and asked by the code that serves the shop, in a throw-away installation. mAP is
mean average precision; the range beside it is the 95 % bootstrap interval over queries: how much the figure owes to
which queries were asked. Two encoders are compared query by query, which is far sharper: `make eval COMPARE=FORMER`,
where FORMER is the JSON file of an earlier run.

![mAP of every set with its 95 % interval]({plot})
"""


def write_document(suite: Suite, out: Path) -> None:
    """Write page and plot into folder `out`. The same figures give the same bytes.

    Raises ConfigError when matplotlib is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    draw(suite, out / PLOT)
    (out / PAGE).write_text("\n".join(_page(suite)) + "\n", encoding="utf-8")


def _page(suite: Suite) -> Iterator[str]:
    yield INTRODUCTION.format(preset=suite.space.preset, space=suite.space.fingerprint, plot=PLOT)
    yield from _figures(suite)
    yield from _breakdown(suite)
    yield from _single_queries([report for report in suite.reports if is_label_set(report.answers)])
    if suite.skipped:
        yield "\n## Skipped\n"
        yield from (f"- {name}: {why}" for name, why in suite.skipped.items())


def _figures(suite: Suite) -> Iterator[str]:
    yield from _head(
        "set", "products", "queries", "mAP", "95 %", "hit@1", "hit@5", "hit@10", "nDCG@10"
    )
    for report in suite.reports:
        metrics = [
            f"{report.metrics[name]:.3f}" for name in ("hit@1", "hit@5", "hit@10", "nDCG@10")
        ]
        counts = report.products, len(report.answers)
        yield _row(
            report.folder,
            *counts,
            f"{report.precision.value:.3f}",
            interval(report.precision),
            *metrics,
        )
    if mean := suite.mean:
        yield _row(
            f"**mean of {len(HEADLINE)}**",
            "",
            "",
            f"**{mean.value:.3f}**",
            interval(mean),
            "",
            "",
            "",
            "",
        )
        yield f"\nThe mean is over {', '.join(HEADLINE)}, each with the same weight."


def _breakdown(suite: Suite) -> Iterator[str]:
    for facet in FACETS:
        rows = [
            _row(
                report.folder,
                name,
                group.queries,
                f"{group.precision.value:.3f}",
                interval(group.precision),
            )
            for report in suite.reports
            for name, group in report.groups(facet).items()
            if len(report.groups(facet)) > 1
        ]
        if rows:
            yield f"\n## By {facet} of the query\n"
            yield from _head("set", facet, "queries", "mAP", "95 %")
            yield from rows


def _single_queries(reports: Sequence[Report]) -> Iterator[str]:
    if not reports:
        return
    yield "\n## Hardest and easiest queries\n"
    yield "Sets whose queries have several right answers; average precision beside each.\n"
    yield from _head("set", "hardest", "easiest")
    for report in reports:
        worst, best = pick_extremes(report.answers, LISTED)
        yield _row(report.folder, _listed(worst), _listed(best))


def _listed(answers: Sequence[EvaluatedQuery]) -> str:
    return ", ".join(f"{answer.query.label} {answer.average_precision:.2f}" for answer in answers)


def _head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|---" * len(names) + "|"


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
