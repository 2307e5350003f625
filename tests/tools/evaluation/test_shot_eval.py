"""Cuts that were found, missed and invented are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.films import plain, write_film
from tools.evaluation.shot_eval import Film, detect_with_ours, evaluate_detector


def test_a_cut_matches_one_detection_within_the_tolerance() -> None:
    film = Film(Path("unread"), (1.0, 2.0, 3.0), 4.0)
    found = evaluate_detector([film], lambda _: ([1.1, 1.15, 2.6], 0.25))
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1 / 3)
    perfect = evaluate_detector([film], lambda film: (list(film.cuts), 0.25))
    assert perfect.precision == perfect.recall == 1
    assert perfect.f1 == pytest.approx(1)


def test_our_detector_finds_the_cuts(tmp_path: Path) -> None:
    colours = [(220, 10, 10)] * 12 + [(10, 220, 10)] * 12 + [(10, 10, 220)] * 12
    path = write_film(
        tmp_path / "film.mp4", [(at / 4, plain(one)) for at, one in enumerate(colours)]
    )
    found, tolerance = detect_with_ours(Film(path, (3.0, 6.0), 9.0), per_second=2)
    assert found == [pytest.approx(3.0, abs=tolerance), pytest.approx(6.0, abs=tolerance)]
