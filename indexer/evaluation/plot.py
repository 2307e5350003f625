"""mAP of every set as a plot: a dot with its interval, and a line at the mean of the headline
sets.
"""

from __future__ import annotations

from pathlib import Path

from indexer.evaluation.suite import HEADLINE, Suite
from search.errors import ConfigError

HEADLINE_COLOUR = "#1f5fa8"
OTHER_COLOUR = "#8a8f98"
STYLE = {
    "svg.fonttype": "none",  # letters stay letters: smaller, and the reader's own font
    "svg.hashsalt": "omnishelf",  # ids that do not change from run to run
    "font.size": 9,
}


def draw(suite: Suite, path: Path) -> None:
    """Write an SVG to `path`, the same bytes for the same figures. Raises ConfigError without
    matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib", fix="Install requirements-dev.txt.") from error
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 0.9 + 0.32 * len(suite.reports)), layout="constrained")
        axes = figure.add_subplot()
        for report in suite.reports:
            found = report.precision
            colour = HEADLINE_COLOUR if report.folder in HEADLINE else OTHER_COLOUR
            axes.plot(
                [found.low, found.high], [report.folder] * 2, color=colour, linewidth=2.5, alpha=0.5
            )
            axes.plot([found.value], [report.folder], "o", color=colour, markersize=5)
        if mean := suite.mean:
            axes.axvline(mean.value, color=HEADLINE_COLOUR, linestyle=":", linewidth=1)
            axes.set_title(f"mean mAP of {len(HEADLINE)} sets: {mean.value:.3f}", loc="left")
        axes.set(xlim=(0, 1), xlabel="mAP with 95 % interval")
        axes.invert_yaxis()
        axes.grid(axis="x", linewidth=0.4)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
