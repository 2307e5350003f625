"""Fusion of scored views: order, missing modalities, parts of clips, tracks of videos."""

from __future__ import annotations

import numpy as np
import pytest

from search.ranking.fusion import QueryScores, fuse
from search.ranking.normalise import ScoreNormaliser
from search.types import Candidates, Hit, Modality, make_view_id

UNCHANGED = ScoreNormaliser(0.0, 1.0)
"""The scores of these tests are standard deviations already."""

View = tuple[Modality, int, int, float]
"""Modality, product id (which is also the asset id), part number, score."""

TEXT, PICTURE, AUDIO, VIDEO = Modality


def query_scores(
    query_modality: Modality, views: list[View], *, weight: float = 1.0
) -> QueryScores:
    """Scores of one query vector, with the views of each modality best first."""
    by_modality: dict[Modality, list[View]] = {}
    for view in sorted(views, key=lambda view: -view[3]):
        by_modality.setdefault(view[0], []).append(view)
    candidates = tuple(
        _candidates(modality, same_modality) for modality, same_modality in by_modality.items()
    )
    return QueryScores(query_modality, weight, candidates, dict.fromkeys(by_modality, UNCHANGED))


def _candidates(modality: Modality, views: list[View]) -> Candidates:
    _, products, parts, scores = zip(*views, strict=True)
    ids = [make_view_id(product, part) for product, part in zip(products, parts, strict=True)]
    return Candidates(modality, np.array(ids), np.array(products), np.array(scores, np.float32))


def fused(query_modality: Modality, *views: View) -> dict[int, float]:
    """Scores by product id, in the order of the hits."""
    return by_product(fuse([query_scores(query_modality, list(views))]))


def by_product(hits: list[Hit]) -> dict[int, float]:
    return {hit.product_id: hit.score for hit in hits}


def test_products_come_best_first_and_equal_ones_by_id() -> None:
    scores = fused(
        TEXT, (TEXT, 7, 0, 1.0), (TEXT, 3, 0, 1.0), (TEXT, 5, 0, 2.0), (TEXT, 1, 0, -1.0)
    )
    assert list(scores) == [5, 3, 7, 1]
    assert scores[3] == scores[7]


def test_only_the_best_view_of_a_modality_counts() -> None:
    many = [(PICTURE, 2, 0, 0.9), (PICTURE, 2, 0, 0.8), (PICTURE, 2, 0, 0.7)]
    scores = fused(PICTURE, (PICTURE, 1, 0, 1.0), *many)
    assert list(scores) == [1, 2]


def test_a_missing_modality_is_neutral() -> None:
    """Product 1 has no picture; the others have an average, a good and a bad one."""
    scores = fused(
        TEXT,
        (TEXT, 1, 0, 1.0), (TEXT, 2, 0, 1.0), (TEXT, 3, 0, 1.0), (TEXT, 4, 0, 1.0),
        (PICTURE, 2, 0, 0.0), (PICTURE, 3, 0, 2.0), (PICTURE, 4, 0, -2.0),
    )  # fmt: skip
    assert list(scores) == [3, 1, 2, 4]
    assert scores[1] == scores[2]


def test_words_say_more_about_a_text_than_about_an_equally_good_picture() -> None:
    assert list(fused(TEXT, (PICTURE, 1, 0, 1.0), (TEXT, 2, 0, 1.0))) == [2, 1]


def test_a_pair_of_modalities_without_a_weight_counts_in_full() -> None:
    hits = fuse([query_scores(TEXT, [(PICTURE, 1, 0, 0.5), (PICTURE, 2, 0, -2.0)])], {})
    assert by_product(hits) == {1: 0.5, 2: -2.0}


def test_query_vectors_add_up_by_their_weight() -> None:
    words = query_scores(TEXT, [(TEXT, 1, 0, 1.0), (TEXT, 2, 0, 0.0)], weight=1.0)
    photo = query_scores(PICTURE, [(PICTURE, 1, 0, 0.0), (PICTURE, 2, 0, 1.0)], weight=0.5)
    scores = by_product(fuse([words, photo]))
    assert list(scores) == [1, 2]
    assert scores[2] == pytest.approx(scores[1] / 2)


@pytest.mark.parametrize("modality", [AUDIO, VIDEO])
def test_a_clip_that_matches_by_chance_neither_helps_nor_harms(modality: Modality) -> None:
    """The best of many parts is above average by chance, so a little above counts as nothing."""
    scores = fused(
        TEXT,
        (TEXT, 1, 0, 1.0), (TEXT, 2, 0, 1.0), (TEXT, 3, 0, 1.0), (TEXT, 4, 0, 1.0),
        (modality, 2, 1, 0.5), (modality, 3, 1, -3.0), (modality, 4, 1, 4.0),
    )  # fmt: skip
    assert list(scores) == [4, 1, 2, 3]
    assert scores[1] == scores[2] == scores[3]


def test_sounds_are_ranked_by_their_full_score_for_a_sound() -> None:
    assert fused(AUDIO, (AUDIO, 1, 1, 0.5), (AUDIO, 2, 1, 0.25), (AUDIO, 3, 1, -2.0)) == {
        1: 0.5,
        2: 0.25,
        3: -2.0,
    }


@pytest.mark.parametrize("track", [AUDIO, TEXT])
def test_a_video_does_not_win_by_its_track(track: Modality) -> None:
    """Product 1 is a sound (or its subtitles); 2 is a video with a track that matches as well."""
    scores = fused(TEXT, (track, 1, 1, 4.0), (track, 2, 1, 4.0), (VIDEO, 2, 1, -1.0))
    assert list(scores) == [1, 2]
    assert 0 < scores[2] < scores[1] / 2


def test_a_video_wins_by_its_pictures_over_one_that_matches_by_its_track() -> None:
    scores = fused(
        TEXT,
        (VIDEO, 1, 1, 4.0), (AUDIO, 1, 1, -1.0),
        (VIDEO, 2, 1, -1.0), (AUDIO, 2, 1, 4.0),
    )  # fmt: skip
    assert list(scores) == [1, 2]


def test_the_track_of_a_video_counts_in_full_for_a_sound() -> None:
    scores = fused(AUDIO, (AUDIO, 1, 1, 4.0), (AUDIO, 2, 1, 4.0), (VIDEO, 2, 1, 0.0))
    assert scores[1] == scores[2]


def test_the_best_part_is_known_also_where_the_whole_matched_best() -> None:
    """Product 1 matches best as a whole, and among its frames by the second."""
    views: list[View] = [
        (VIDEO, 1, 0, 5.0),
        (VIDEO, 2, 3, 4.0),
        (VIDEO, 1, 2, 3.0),
        (VIDEO, 1, 1, 2.0),
    ]
    hits = fuse([query_scores(TEXT, views)])
    best = {hit.product_id: hit.evidence[0] for hit in hits}
    assert (best[1].view_id, best[1].best_part) == (make_view_id(1, 0), 2)
    assert (best[2].view_id, best[2].best_part) == (make_view_id(2, 3), 3)
