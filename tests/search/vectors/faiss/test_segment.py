"""A FAISS segment in details that the contract does not show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.types import Modality
from search.vectors.calibration import MIN_RECALL_GAP
from search.vectors.faiss.tuning import answer_exactly, tune
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import ScoredViews
from tests.search.vectors.places import INDEX_TYPES, FaissPlace
from tests.search.vectors.reference import ReferenceIndex, assert_same, catalogue, clustered, stream

PICTURE = Modality.PICTURE


@pytest.mark.parametrize("index_type", INDEX_TYPES)
def test_too_few_lists_still_fill_k(index_type: str, tmp_path: Path) -> None:
    place, queries = FaissPlace(tmp_path, index_type), clustered(1, seed=5)
    place.builder().build(stream(catalogue(600)), seq=600)
    segment = place.reader()._snapshot.segments[PICTURE]
    block = segment.search(queries, 120, segment.all_rows, nprobe=1, refine=1)
    (found,) = ScoredViews.from_rows(segment.store, block).sort_to_candidates(PICTURE, 120)
    assert_same(found, ReferenceIndex(catalogue(600)).search(queries[0], PICTURE, 120))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_filters_of_any_share_find_what_an_exact_search_finds(share: float, tmp_path: Path) -> None:
    place, queries = FaissPlace(tmp_path, "ivf_pq"), clustered(50, seed=5)
    place.builder().build(stream(catalogue(3_000)), seq=1)
    segment = place.reader()._snapshot.segments[PICTURE]
    mask = np.random.default_rng(3).random(len(segment)) < share
    rows = RowFilter(len(segment), mask=mask)
    found = segment.search(queries, 10, rows)
    truth = segment.search_exactly(queries, 10, rows)
    assert mask[found.rows].all()
    assert np.mean(found.scores >= truth.scores[:, -1:] - 1e-6) >= 0.95


def test_the_lists_of_a_filtered_search_are_measured(tmp_path: Path) -> None:
    place = FaissPlace(tmp_path, "ivf_pq")
    (segment,) = place.builder().build(stream(catalogue(10_000)), seq=1).segments
    shares = [part.share for part in segment.filtered]
    assert shares == sorted(shares, reverse=True)
    assert [part.nprobe for part in segment.filtered] == sorted(
        part.nprobe for part in segment.filtered
    )
    assert all(part.nprobe >= segment.nprobe for part in segment.filtered)


@pytest.mark.parametrize("target", [0.6, 0.9])
def test_no_setting_is_chosen_if_one_that_does_less_suffices(target: float, tmp_path: Path) -> None:
    place = FaissPlace(tmp_path, "ivf_pq")
    place.builder().build(stream(catalogue(10_000)), seq=1)
    segment = place.reader()._snapshot.segments[PICTURE]
    queries = answer_exactly(segment.store, {Modality.TEXT: clustered(200, seed=5)})
    (tuned,) = tune(segment, queries, target).values()
    enough = [one for one in tuned.curve if one.recall >= target + MIN_RECALL_GAP]
    assert enough, "there must be settings to choose from"
    assert any((one.nprobe, one.refine) == (tuned.nprobe, tuned.refine) for one in enough)
    for one in enough:
        less = one.nprobe <= tuned.nprobe and one.refine <= tuned.refine
        assert not less or (one.nprobe, one.refine) == (tuned.nprobe, tuned.refine)
