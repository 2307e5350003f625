"""A segment of files, below what the contract shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.types import Modality
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
