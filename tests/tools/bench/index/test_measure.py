from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from search.types import Modality
from tools.bench.index.data import TUNING, Dataset, K, recall
from tools.bench.index.engines.base import Setting
from tools.bench.index.engines.ours import Ours
from tools.bench.index.engines.raw_faiss import Hnsw, ScalarQuantised
from tools.bench.index.filters import FILTER_KINDS, SELECTIVITIES, measure_filters
from tools.bench.index.measure import limit_cores, time_repeatedly
from tools.bench.index.tuning import TARGET, tune
from tools.bench.memory import measure_memory


def test_tuning_stops_at_the_first_setting_with_the_target_recall(
    dataset: Dataset, tmp_path: Path
) -> None:
    engine = ScalarQuantised(tmp_path, dataset)
    engine.build()
    engine.open()
    queries, answers = (
        dataset.queries(Modality.TEXT, TUNING),
        dataset.answers(Modality.TEXT, TUNING),
    )
    tuned = tune(engine, queries, answers)
    ladder = engine.ladders()[0]
    assert tuned.reached and tuned.seconds_per_query > 0 and tuned.setting in ladder[1:]

    def reached(setting: Setting) -> float:
        engine.apply(setting)
        return recall(engine.rows(engine.search(queries, K, Modality.TEXT), K), answers)

    assert (
        reached(tuned.setting)
        == tuned.recall
        >= TARGET
        > reached(ladder[ladder.index(tuned.setting) - 1])
    )


def test_tuning_reports_an_unreachable_target(dataset: Dataset, tmp_path: Path) -> None:
    engine = Hnsw(tmp_path, dataset)
    engine.build()
    engine.open()
    wrong = np.full_like(dataset.answers(Modality.TEXT, TUNING), dataset.spec.rows)
    tuned = tune(engine, dataset.queries(Modality.TEXT, TUNING), wrong)
    assert not tuned.reached and tuned.recall == 0


def test_private_and_mapped_memory_are_distinguished(tmp_path: Path) -> None:
    size = 32 << 20
    np.zeros(size, np.uint8).tofile(tmp_path / "file")
    before = measure_memory()
    mapped = np.memmap(tmp_path / "file", np.uint8, "r")
    assert mapped.sum() == 0
    with_file = measure_memory() - before
    # Asked of the system itself: an allocator may give back what it has kept.
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.write(b"1" * size)
    with_both = measure_memory() - before
    assert with_file.mapped >= size * 0.9 > with_file.private
    assert with_both.private - with_file.private >= size * 0.9


def test_cores_are_limited_only_inside_the_context() -> None:
    before = os.sched_getaffinity(0)
    with limit_cores(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_runs_are_repeated_for_the_given_time() -> None:
    assert len(time_repeatedly(lambda: None, 0)) == 1
    assert sum(time_repeatedly(lambda: None, 0.01)) >= 0.01


def test_every_filter_is_measured_against_exact_search(dataset: Dataset, tmp_path: Path) -> None:
    engine = Ours(tmp_path, dataset)
    engine.build()
    engine.open()
    found = measure_filters(engine, dataset)
    assert [(part.kind, part.selectivity) for part in found] == [
        (kind, selectivity) for kind in FILTER_KINDS for selectivity in SELECTIVITIES
    ]
    for part in found:
        assert part.views == pytest.approx(part.selectivity * dataset.spec.rows, abs=2)
        assert part.text_recall == part.picture_recall == 1  # so few views are searched exactly
        assert part.full_pages == 1
        assert min(part.batch_qps, part.single_qps, part.p99_ms) > 0
