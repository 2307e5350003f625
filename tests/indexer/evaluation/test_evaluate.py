"""The command over tiny folders, in the throw-away installation that it makes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.search.evaluation.folders import write_folder, write_sound_folder
from tests.support.paths import ROOT

COLOURS = {
    "R1": "#e01010",
    "R2": "#b01818",
    "B1": "#1020d0",
    "B2": "#182090",
    "G1": "#10a020",
    "G2": "#187028",
}

LANGUAGES = {"en": ("red", "blue", "green"), "de": ("rot", "blau", "grün")}


def manage(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "120"}
    command = [sys.executable, "manage.py", "evaluate", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def write_suite(root: Path) -> Path:
    colours = [
        {
            "id": f"{language}-{colour}",
            "text": word,
            "relevant": [sku for sku in COLOURS if sku[0] == colour[0].upper()],
            "language": language,
            "category": "warm" if colour == "red" else "cold",
        }
        for language, words in LANGUAGES.items()
        for colour, word in zip(LANGUAGES["en"], words, strict=True)
    ]
    write_folder(root / "words", COLOURS, colours)
    # The same pictures under other skus, some fewer: what the first folder left behind would show.
    others = {f"X{sku}": colour for sku, colour in COLOURS.items() if sku != "G2"}
    by_picture = [{"id": "p", "image": "pictures/XR1.png", "relevant": ["XR1", "XR2"]}]
    by_picture += [{"id": "q", "image": "pictures/XB1.png", "relevant": ["XB2"]}]
    write_folder(root / "pictures", others, by_picture)
    write_sound_folder(root / "sounds")
    return root


def write_former(file: Path) -> Path:
    """A former run that found no picture's like, and some words right that are now wrong and the
    other way round."""
    words = {
        f"{language}-{colour}": float(language == "en")
        for language in LANGUAGES
        for colour in LANGUAGES["en"]
    }
    sets = {"pictures": {"p": 0.0, "q": 0.0}, "words": words}
    content = {
        name: {"queries": {it: {"AP": value} for it, value in asked.items()}}
        for name, asked in sets.items()
    }
    file.write_text(json.dumps({"sets": content}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder with everything that a run of all folders wrote, and what it printed."""
    out = tmp_path_factory.mktemp("evaluate")
    former = write_former(out / "former.json")
    folder = write_suite(out / "eval")
    done = manage(
        folder, "--json", out / "figures.json", "--out", out / "docs", "--compare", former
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout


@pytest.fixture(scope="module")
def figures(run: tuple[Path, str]) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((run[0] / "figures.json").read_text("utf-8"))
    return figures


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluate")]


def test_every_folder_is_evaluated_on_its_own_catalogue(figures: dict[str, Any]) -> None:
    assert {
        name: (found["products"], found["views"]) for name, found in figures["sets"].items()
    } == {
        "pictures": (5, 5),
        "sounds": (3, 7),
        "words": (6, 6),
    }
    assert figures["sets"]["pictures"]["queries"]["p"]["relevant"] == 1, (
        "the query's own product does not count"
    )
    assert figures["sets"]["pictures"]["metrics"]["hit@1"] == 1.0


def test_products_are_found_by_what_they_sound_like(figures: dict[str, Any]) -> None:
    assert figures["skipped"] == {}
    sounds = figures["sets"]["sounds"]
    assert sounds["metrics"]["mAP"] == 1.0
    assert sounds["queries"]["s"]["relevant"] == 1, "the query's own product does not count"


def test_figures_are_kept_by_query_language_and_category(figures: dict[str, Any]) -> None:
    found = figures["sets"]["words"]
    assert found["queries"]["en-red"].keys() == {"asked", "language", "category", "relevant", "AP"}
    assert {name: group["queries"] for name, group in found["by_language"].items()} == {
        "de": 3,
        "en": 3,
    }
    assert {name: group["queries"] for name, group in found["by_category"].items()} == {
        "cold": 4,
        "warm": 2,
    }
    english = [query["AP"] for query in found["queries"].values() if query["language"] == "en"]
    assert found["by_language"]["en"]["mAP"] == pytest.approx(sum(english) / 3)
    assert found["interval"][0] <= found["metrics"]["mAP"] <= found["interval"][1]


def test_no_mean_is_claimed_of_sets_that_did_not_run(figures: dict[str, Any]) -> None:
    assert figures["mean"] is None


def test_page_and_plot_are_written(run: tuple[Path, str], figures: dict[str, Any]) -> None:
    page = (run[0] / "docs" / "evaluation.md").read_text("utf-8")
    words = figures["sets"]["words"]
    assert re.search(rf"\| words \| 6 \| 6 \| {words['metrics']['mAP']:.3f} \|", page)
    assert "| words | de | 3 |" in page and "| words | warm | 2 |" in page
    plot = (run[0] / "docs" / "evaluation.svg").read_text("utf-8")
    assert "words</text>" in plot.replace("\n", "") and len(plot) < 60_000


def test_the_comparison_says_what_is_better_and_what_is_noise(run: tuple[Path, str]) -> None:
    assert re.search(r"│ pictures +│ 0\.000 +│ .* │ better │", run[1])
    assert re.search(r"│ words +│ 0\.500 +│ .* │ noise +│", run[1])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"only": ["shoes"]}, "this evaluation folder does not exist"),
        ({"compare": Path("missing.json")}, "this file was not written by evaluate --json"),
    ],
)
def test_a_wrong_name_is_refused_before_anything_runs(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(CommandError, match=problem):
        call_command("evaluate", write_suite(tmp_path), **options)


def test_absent_data_is_said_and_is_no_failure(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    done = subprocess.run(
        ["make", "eval", f"DATA={missing}", "INSTALLED_DEV="],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"the folder {missing}/eval does not exist" in done.stdout
