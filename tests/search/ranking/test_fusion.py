"""What views of several modalities add up to."""

from __future__ import annotations

import numpy as np
import pytest

from search.ranking.fusion import BESIDE, FLOOR, ProbeScores, fuse
from search.ranking.normalise import Scale
from search.types import Candidates, Hit, Modality, view_id_of

PLAIN = Scale(0.0, 1.0)
"""Scores are standard deviations already."""


def asked(by: Modality, shown: Modality, *views: tuple[int, int, float]) -> ProbeScores:
    """One probe; each view is product id (and asset id), number of the part, score. Best first."""
    products, parts, scores = zip(*views, strict=True)
    ids = [view_id_of(product, part) for product, part in zip(products, parts, strict=True)]
    found = Candidates(shown, np.array(ids), np.array(products), np.array(scores, np.float32))
    return ProbeScores(by, 1.0, (found,), {shown: PLAIN})


def scores(*probes: ProbeScores) -> dict[int, float]:
    hits: list[Hit] = fuse(probes, {})
    return {hit.product_id: hit.score for hit in hits}


@pytest.mark.parametrize("shown", [Modality.AUDIO, Modality.VIDEO])
def test_a_clip_counts_by_what_stands_out_where_another_modality_asks(shown: Modality) -> None:
    found = scores(asked(Modality.TEXT, shown, (1, 1, 4.0), (2, 1, FLOOR - 0.1), (3, 1, -2.0)))
    assert found == {1: pytest.approx(4 - FLOOR), 2: 0, 3: 0}


def test_a_sound_that_asks_for_sounds_counts_in_full() -> None:
    assert scores(asked(Modality.AUDIO, Modality.AUDIO, (1, 1, 4.0), (2, 1, -2.0))) == {1: 4, 2: -2}


@pytest.mark.parametrize("shown", [Modality.AUDIO, Modality.TEXT])
def test_sound_and_subtitles_of_a_video_count_less_than_by_themselves(shown: Modality) -> None:
    both = ((1, 1, 4.0), (2, 1, 4.0))
    film = asked(Modality.TEXT, Modality.VIDEO, (2, 1, -1.0))
    views = asked(Modality.TEXT, shown, *both)
    probe = ProbeScores(
        Modality.TEXT, 1.0, (*views.candidates, *film.candidates), {**views.scales, **film.scales}
    )
    assert scores(probe) == {1: pytest.approx(4 - FLOOR), 2: pytest.approx(BESIDE * (4 - FLOOR))}


def test_pictures_and_texts_count_in_full() -> None:
    assert scores(asked(Modality.TEXT, Modality.PICTURE, (1, 0, 0.5), (2, 0, -2.0))) == {
        1: 0.5,
        2: -2,
    }


def test_the_best_part_is_known_also_where_the_whole_matched_best() -> None:
    views = (1, 0, 5.0), (2, 3, 4.0), (1, 2, 3.0), (1, 1, 2.0)
    hits = fuse([asked(Modality.TEXT, Modality.VIDEO, *views)], {})
    assert [(hit.evidence[0].view_id, hit.evidence[0].best_part) for hit in hits] == [
        (1, 2),
        (view_id_of(2, 3), 3),
    ]
