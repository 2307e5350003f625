"""The page and the plot of an evaluation in the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from indexer.evaluation.report import FACETS, MAX_LISTED, Report, interval
from indexer.evaluation.suite import HEADLINE, Suite
from search.errors import ConfigError
from search.evaluation.results import EvaluatedQuery, is_label_set, pick_extremes

PAGE = "evaluation.md"
PLOT = "evaluation.svg"

HEADLINE_COLOUR = "#1f5fa8"
OTHER_COLOUR = "#8a8f98"
STYLE = {
    "svg.fonttype": "none",  # letters stay letters: smaller, and the reader's own font
    "svg.hashsalt": "omnishelf",  # ids that do not change from run to run
    "font.size": 9,
}

INTRODUCTION = """\
# Evaluation

Written by `make eval`; do not edit. Encoder `{preset}`, space `{space}`.

Every set is imported, encoded, indexed and searched by the code that serves the shop, in a
temporary installation. mAP is mean average precision. The range after it is the 95 % bootstrap
interval over queries: how much the figure depends on the choice of queries. To compare two encoders
query by query, which is much more precise, run `make eval COMPARE=FORMER`, where FORMER is the JSON
file of an earlier run.

![mAP of every set with its 95 % interval]({plot})
"""


def write_document(suite: Suite, out: Path) -> None:
    """Write page and plot into the folder `out`. The same figures give the same bytes.

    Raises ConfigError when matplotlib is not installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    draw_plot(suite, out / PLOT)
    (out / PAGE).write_text("\n".join(_write_page(suite)) + "\n", encoding="utf-8")


def _write_page(suite: Suite) -> Iterator[str]:
    yield INTRODUCTION.format(preset=suite.space.preset, space=suite.space.fingerprint, plot=PLOT)
    yield from _write_figures(suite)
    yield from _write_groups(suite)
    yield from _write_extremes([report for report in suite.reports if is_label_set(report.answers)])
    if suite.skipped:
        yield "\n## Skipped\n"
        yield from (f"- {name}: {why}" for name, why in suite.skipped.items())


def _write_figures(suite: Suite) -> Iterator[str]:
    yield from _make_header(
        "set", "products", "queries", "mAP", "95 %", "hit@1", "hit@5", "hit@10", "nDCG@10"
    )
    for report in suite.reports:
        metrics = [
            f"{report.metrics[name]:.3f}" for name in ("hit@1", "hit@5", "hit@10", "nDCG@10")
        ]
        counts = report.products, len(report.answers)
        yield _make_row(
            report.folder,
            *counts,
            f"{report.precision.value:.3f}",
            interval(report.precision),
            *metrics,
        )
    if mean := suite.mean:
        yield _make_row(
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


def _write_groups(suite: Suite) -> Iterator[str]:
    for facet in FACETS:
        rows = [
            _make_row(
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
            yield from _make_header("set", facet, "queries", "mAP", "95 %")
            yield from rows


def _write_extremes(reports: Sequence[Report]) -> Iterator[str]:
    if not reports:
        return
    yield "\n## Hardest and easiest queries\n"
    yield "Sets whose queries have several relevant products, with the average precision of each.\n"
    yield from _make_header("set", "hardest", "easiest")
    for report in reports:
        worst, best = pick_extremes(report.answers, MAX_LISTED)
        yield _make_row(report.folder, _list_queries(worst), _list_queries(best))


def _list_queries(answers: Sequence[EvaluatedQuery]) -> str:
    return ", ".join(f"{answer.query.label} {answer.average_precision:.2f}" for answer in answers)


def _make_header(*names: str) -> Iterator[str]:
    yield _make_row(*names)
    yield "|---" * len(names) + "|"


def _make_row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def draw_plot(suite: Suite, path: Path) -> None:
    """Draw the mAP of every set with its interval as an SVG: same figures, same bytes.

    Raises ConfigError without matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib", fix="Install requirements-dev.txt.") from error
    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]  # the stub lists every key
        figure = Figure(figsize=(7, 0.9 + 0.32 * len(suite.reports)), layout="constrained")
        axes = figure.add_subplot()
        for report in suite.reports:
            precision = report.precision
            colour = HEADLINE_COLOUR if report.folder in HEADLINE else OTHER_COLOUR
            axes.plot(
                [precision.low, precision.high],
                [report.folder] * 2,
                color=colour,
                linewidth=2.5,
                alpha=0.5,
            )
            axes.plot([precision.value], [report.folder], "o", color=colour, markersize=5)
        if mean := suite.mean:
            axes.axvline(mean.value, color=HEADLINE_COLOUR, linestyle=":", linewidth=1)
            axes.set_title(f"mean mAP of {len(HEADLINE)} sets: {mean.value:.3f}", loc="left")
        axes.set(xlim=(0, 1), xlabel="mAP with 95 % interval")
        axes.invert_yaxis()
        axes.grid(axis="x", linewidth=0.4)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
