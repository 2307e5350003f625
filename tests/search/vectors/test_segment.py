"""A segment of files, below what the contract shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.types import Modality
from search.vectors.calibration import TELLABLE
from search.vectors.faiss.tuning import asked_of, tune
from search.vectors.row_filter import RowSet
from search.vectors.scoring import Scored
from tests.search.vectors.places import SHAPES, FaissPlace
from tests.search.vectors.twin import Twin, assert_same, catalogue, clustered, stream

PICTURE = Modality.PICTURE


@pytest.mark.parametrize("shape", SHAPES)
def test_too_few_lists_still_fill_k(shape: str, tmp_path: Path) -> None:
    place, queries = FaissPlace(tmp_path, shape), clustered(1, seed=5)
    place.builder().build(stream(catalogue(600)), seq=600)
    segment = place.reader()._snapshot.segments[PICTURE]
    block = segment.search(queries, 120, segment.everything, nprobe=1, refine=1)
    (found,) = Scored.of(segment.store, block).best_first(PICTURE, 120)
    assert_same(found, Twin(catalogue(600)).search(queries[0], PICTURE, 120))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_filters_of_any_share_find_what_an_exact_search_finds(share: float, tmp_path: Path) -> None:
    place, queries = FaissPlace(tmp_path, "ivf_pq"), clustered(50, seed=5)
    place.builder().build(stream(catalogue(3_000)), seq=1)
    segment = place.reader()._snapshot.segments[PICTURE]
    mask = np.random.default_rng(3).random(len(segment)) < share
    rows = RowSet(len(segment), mask=mask)
    found = segment.search(queries, 10, rows)
    truth = segment.search_exactly(queries, 10, rows)
    assert mask[found.rows].all()
    assert np.mean(found.scores >= truth.scores[:, -1:] - 1e-6) >= 0.95


def test_how_far_a_filtered_search_looks_is_measured(tmp_path: Path) -> None:
    place = FaissPlace(tmp_path, "ivf_pq")
    (segment,) = place.builder().build(stream(catalogue(10_000)), seq=1).segments
    shares = [part.share for part in segment.filtered]
    assert shares == sorted(shares, reverse=True)
    assert [part.nprobe for part in segment.filtered] == sorted(
        part.nprobe for part in segment.filtered
    )
    assert all(part.nprobe >= segment.nprobe for part in segment.filtered)


@pytest.mark.parametrize("target", [0.6, 0.9])
def test_no_setting_is_chosen_while_one_that_does_less_is_enough(
    target: float, tmp_path: Path
) -> None:
    place = FaissPlace(tmp_path, "ivf_pq")
    place.builder().build(stream(catalogue(10_000)), seq=1)
    segment = place.reader()._snapshot.segments[PICTURE]
    asked = asked_of(segment.store, {Modality.TEXT: clustered(200, seed=5)})
    (tuned,) = tune(segment, asked, target).values()
    enough = [one for one in tuned.curve if one.recall >= target + TELLABLE]
    assert enough, "otherwise there is nothing to choose from"
    assert any((one.nprobe, one.refine) == (tuned.nprobe, tuned.refine) for one in enough)
    for one in enough:
        less = one.nprobe <= tuned.nprobe and one.refine <= tuned.refine
        assert not less or (one.nprobe, one.refine) == (tuned.nprobe, tuned.refine)
