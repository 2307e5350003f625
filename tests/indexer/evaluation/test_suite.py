"""What several reports add up to, and how they are shown."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from indexer.evaluation.document import PLOT, write_document
from indexer.evaluation.report import Report
from indexer.evaluation.suite import (
    HEADLINE,
    Suite,
    compare_runs,
    make_comparison_table,
    make_figures_table,
)
from search.errors import InputError
from search.evaluation.folder import EvaluationQuery
from search.evaluation.results import EvaluatedQuery, QueryResult
from search.types import Space

SPACE = Space("compact", "0123456789abcdef", 384, frozenset())


def report(name: str, ranks: Sequence[int], languages: Sequence[str] = ("en",)) -> Report:
    """Queries with two relevant products: the first place and this rank, in the languages by
    turns."""
    answers = [
        EvaluatedQuery(
            EvaluationQuery(
                f"{name}-{place}", f"red | {place}", None, ("a",), languages[place % len(languages)]
            ),
            QueryResult((1, rank), 3, 50),
        )
        for place, rank in enumerate(ranks)
    ]
    return Report.of(name, answers, {"embed": [1.0, 3.0]}, products=50, views=60, seconds=1.5)


def suite(ranks: Mapping[str, Sequence[int]]) -> Suite:
    return Suite(SPACE, tuple(report(name, each) for name, each in ranks.items()), {"sound": "why"})


def text(shown: object) -> str:
    written = io.StringIO()
    Console(file=written, width=160).print(shown)
    return written.getvalue()


NINE = dict.fromkeys(HEADLINE, (2, 4, 8, 40, 3, 5, 2, 9))


def test_the_mean_is_over_the_nine_sets_and_no_other() -> None:
    alone = suite(NINE)
    assert alone.mean is not None and alone.mean.low < alone.mean.value < alone.mean.high
    assert alone.mean.value == pytest.approx(alone.reports[0].metrics["mAP"])
    more = suite({**NINE, "ikea-room-to-objects": [50]})
    assert more.mean == alone.mean
    assert suite(dict(list(NINE.items())[:8])).mean is None
    assert "mean of 9" in text(make_figures_table(more)) and "mean of 9" not in text(
        make_figures_table(suite({"flickr8k": [2, 3]}))
    )


def test_a_small_gain_everywhere_moves_the_mean_and_a_mixed_one_is_noise() -> None:
    now = suite({**NINE, "other": [2, 40, 3, 30]})
    former = suite(
        {
            **{name: [rank + 1 for rank in ranks] for name, ranks in NINE.items()},
            "other": [40, 2, 30, 3],
        }
    )
    found = compare_runs(now.precisions, former.precisions)
    assert found.keys() == {*HEADLINE, "other", "mean"}
    assert found["other"].is_noise and found["other"].value == pytest.approx(0)
    assert not found["mean"].is_noise and found["mean"].low > 0
    lines = text(make_comparison_table(now, former.precisions)).splitlines()
    assert [line.split("│")[-2].strip() for line in lines if "other" in line or "mean" in line] == [
        "noise",
        "better",
    ]
    assert "worse" in text(make_comparison_table(former, now.precisions))


def test_runs_without_a_common_set_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="no set in common"):
        compare_runs({"a": {"q": 1.0}}, {"b": {"q": 1.0}})


def test_a_single_report_shows_breakdown_and_extremes() -> None:
    written = io.StringIO()
    report("colours", [2, 9, 30, 4], ("en", "de")).print(Console(file=written, width=160))
    shown = written.getvalue()
    assert "│ de       │ 2       │" in shown and "worst" in shown
    assert shown.index("red | 2") < shown.index("red | 1")


def test_page_and_plot_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    found = suite({**NINE, "other": [2, 40, 3, 30]})
    for name in ("a", "b"):
        write_document(found, tmp_path / name)
    first, second = (
        {it.name: it.read_bytes() for it in (tmp_path / name).iterdir()} for name in ("a", "b")
    )
    assert first == second and first.keys() == {"evaluation.md", "evaluation.svg"}
    assert len(first[PLOT]) < 60_000
    page = first["evaluation.md"].decode()
    assert "**mean of 9**" in page and "- sound: why" in page and "red \\| 1" in page
    assert all(
        line.count("|") - line.count("\\|") == 10
        for line in page.splitlines()
        if line.startswith("| flickr8k | 50")
    )


def test_one_query_gives_a_figure_without_an_interval(tmp_path: Path) -> None:
    found = suite({"tiny": [2]})
    assert found.as_dict()["sets"]["tiny"]["interval"] is None
    assert "│ –" in text(make_figures_table(found))
    write_document(found, tmp_path)
