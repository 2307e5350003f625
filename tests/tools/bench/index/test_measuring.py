from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from search.types import Modality
from tools.bench.index.data import TUNED, Dataset, K, recall
from tools.bench.index.engines.base import Setting
from tools.bench.index.engines.ours import Ours
from tools.bench.index.engines.raw_faiss import Hnsw, ScalarQuantised
from tools.bench.index.filters import KINDS_OF_FILTER, SELECTIVITIES, sweep
from tools.bench.index.measure import limited_to, memory, times_of
from tools.bench.index.tuning import TARGET, tune


def test_tuning_stops_at_the_first_setting_that_is_good_enough(
    dataset: Dataset, tmp_path: Path
) -> None:
    engine = ScalarQuantised(tmp_path, dataset)
    engine.build()
    engine.open()
    queries, answers = dataset.queries(Modality.TEXT, TUNED), dataset.answers(Modality.TEXT, TUNED)
    tuned = tune(engine, queries, answers)
    ladder = engine.ladders()[0]
    assert tuned.reached and tuned.seconds_a_query > 0 and tuned.setting in ladder[1:]

    def reached(setting: Setting) -> float:
        engine.apply(setting)
        return recall(engine.rows(engine.search(queries, K, Modality.TEXT), K), answers)

    assert (
        reached(tuned.setting)
        == tuned.recall
        >= TARGET
        > reached(ladder[ladder.index(tuned.setting) - 1])
    )


def test_tuning_says_when_the_target_is_out_of_reach(dataset: Dataset, tmp_path: Path) -> None:
    engine = Hnsw(tmp_path, dataset)
    engine.build()
    engine.open()
    wrong = np.full_like(dataset.answers(Modality.TEXT, TUNED), dataset.spec.rows)
    tuned = tune(engine, dataset.queries(Modality.TEXT, TUNED), wrong)
    assert not tuned.reached and tuned.recall == 0


def test_memory_tells_private_pages_from_mapped_ones(tmp_path: Path) -> None:
    size = 32 << 20
    np.zeros(size, np.uint8).tofile(tmp_path / "file")
    before = memory()
    mapped = np.memmap(tmp_path / "file", np.uint8, "r")
    assert mapped.sum() == 0
    with_file = memory() - before
    # Asked of the system itself: an allocator may give back what it has kept.
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.write(b"1" * size)
    with_both = memory() - before
    assert with_file.mapped >= size * 0.9 > with_file.private
    assert with_both.private - with_file.private >= size * 0.9


def test_limits_hold_inside_only() -> None:
    before = os.sched_getaffinity(0)
    with limited_to(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_runs_are_repeated_for_as_long_as_asked() -> None:
    assert len(times_of(lambda: None, 0)) == 1
    assert sum(times_of(lambda: None, 0.01)) >= 0.01


def test_sweep_measures_every_filter_against_exact_search(dataset: Dataset, tmp_path: Path) -> None:
    engine = Ours(tmp_path, dataset)
    engine.build()
    engine.open()
    found = sweep(engine, dataset)
    assert [(part.kind, part.selectivity) for part in found] == [
        (kind, selectivity) for kind in KINDS_OF_FILTER for selectivity in SELECTIVITIES
    ]
    for part in found:
        assert part.views == pytest.approx(part.selectivity * dataset.spec.rows, abs=2)
        assert part.text_recall == part.picture_recall == 1  # so few views are searched exactly
        assert part.full_pages == 1
        assert min(part.batch_qps, part.single_qps, part.p99_ms) > 0
