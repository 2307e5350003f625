from __future__ import annotations

import json
import os
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command
from rich.console import Console

from tools.bench.index.compare import INSTALL, BenchmarkRun, Effort
from tools.bench.index.data import Dataset, Spec
from tools.bench.index.engines.graphs import Hnswlib
from tools.bench.index.engines.registry import ENGINES
from tools.bench.index.figures import Comparison, EngineFigures, Ratio, SkippedEngine
from tools.bench.index.report import print_report
from tools.bench.index.worker import EngineStopped, Worker

FIGURES = EngineFigures(
    name="omnishelf",
    version="1",
    licence="MIT",
    about="",
    setting={},
    reached=True,
    text_recall=0.96,
    picture_recall=0.99,
    build_seconds=1,
    open_seconds=0.1,
    disk_bytes=10,
    private_bytes=2,
    mapped_bytes=4,
    batch_qps={1: 90.0, 2: 180.0},
    single_qps=80.0,
    p50_ms=1,
    p99_ms=2,
)
FLAT = replace(FIGURES, name="faiss Flat", batch_qps={1: 100.0, 2: 150.0}, single_qps=40.0)
HNSW = replace(
    FIGURES, name="faiss HNSW32", batch_qps={1: 50.0, 2: 200.0}, private_bytes=18, mapped_bytes=0
)
MISSED = replace(FIGURES, name="LanceDB", reached=False, single_qps=1e6)
SLOWER = replace(FIGURES, name="usearch f16", single_qps=70.0, batch_qps={1: 80.0, 2: 170.0})
FASTER_SINGLE = replace(SLOWER, name="hnswlib", single_qps=81.0)


def compared(*engines: EngineFigures) -> Comparison:
    return Comparison(Spec(), "a processor", 2, engines, [SkippedEngine("txtai", "why")], [])


def test_ratios_are_against_the_best_that_reached_the_recall() -> None:
    found = compared(FIGURES, FLAT, HNSW, MISSED, SLOWER, FASTER_SINGLE)
    assert found.against_raw() == {
        "batch, threads 1": Ratio("faiss Flat", 0.9),
        "batch, threads 2": Ratio("faiss HNSW32", 0.9),
        "single": Ratio("faiss HNSW32", 1.0),
    }
    assert found.against_peers()["single"] == Ratio("hnswlib", 80 / 81)
    assert found.ahead_of_peers() == {"LanceDB": True, "usearch f16": True, "hnswlib": False}
    assert found.memory_by_hnsw() == {
        "resident": pytest.approx(6 / 18),
        "private": pytest.approx(2 / 18),
    }


def test_nothing_is_compared_without_both_sides() -> None:
    assert compared(FIGURES).against_raw() == {} == compared(FLAT).against_raw()
    assert compared(FLAT).ahead_of_peers() == {} == compared(FIGURES).memory_by_hnsw()
    missed = compared(replace(FIGURES, reached=False), SLOWER)
    assert missed.ahead_of_peers() == {"usearch f16": False}


def test_the_report_shows_missed_recall_and_skipped_engines() -> None:
    out = StringIO()
    print_report(compared(FIGURES, FLAT, HNSW, MISSED), Console(file=out, width=200))
    shown = out.getvalue()
    assert "txtai: skipped, why" in shown and "0.96 (missed)" in shown.replace("0.960", "0.96")
    assert "0.90 × faiss Flat" in shown


def test_a_worker_that_takes_too_long_or_fails_is_stopped(dataset: Dataset, tmp_path: Path) -> None:
    with (
        Worker("faiss-hnsw32", dataset.folder, tmp_path, limit_s=0.01) as worker,
        pytest.raises(EngineStopped, match="longer"),
    ):
        worker.call("build")
    with Worker("faiss-flat", dataset.folder, tmp_path, limit_s=60) as worker:
        with pytest.raises(EngineStopped, match="tune failed with status 1"):
            worker.call("tune")  # nothing was built
        with pytest.raises(EngineStopped):
            worker.call("tune")


def test_an_engine_that_is_not_installed_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hnswlib, "package", "no-such-package")
    messages: list[str] = []
    found = BenchmarkRun(tmp_path, Effort(rounds=1), messages.append).run(
        Spec(1000, 16, 20), ["hnswlib"]
    )
    assert not found.engines and found.skipped == [
        SkippedEngine("hnswlib", f"no-such-package is not installed: {INSTALL}")
    ]
    assert any(INSTALL in line for line in messages)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(
    "name", ["omnishelf cuda", "omnishelf cuda ivf-pq", "omnishelf cuda cagra"]
)
def test_an_engine_for_a_gpu_is_skipped_where_there_is_none(name: str, tmp_path: Path) -> None:
    found = BenchmarkRun(tmp_path, Effort(rounds=1), lambda _: None).run(
        Spec(1000, 16, 20), [name.replace(" ", "-")]
    )
    assert not found.engines and found.skipped == [SkippedEngine(name, "torch finds no GPU")]


@pytest.mark.slow
def test_command_compares_us_with_faiss() -> None:
    out = StringIO()
    call_command(
        "bench_index",
        "--json",
        "--rows",
        "1000",
        "--dim",
        "16",
        "--queries",
        "30",
        "--rounds",
        "2",
        "--engines",
        "omnishelf",
        "faiss-hnsw32",
        stdout=out,
    )
    report = json.loads(out.getvalue())
    ours, hnsw = report["engines"]
    assert (ours["name"], hnsw["name"]) == ("omnishelf", "faiss HNSW32")
    for engine in (ours, hnsw):
        assert engine["reached"] and engine["text_recall"] > 0.8 and engine["disk_bytes"] > 32
        assert 0 < engine["p50_ms"] <= engine["p99_ms"] and engine["batch_qps"].keys() == {"1", "2"}
    assert report["against_raw"].keys() == {"batch, threads 1", "batch, threads 2", "single"}
    assert len(report["filters"]) == 8 and not report["skipped"]
    assert report["cpu"] and report["cores"] == len(os.sched_getaffinity(0))


def test_the_command_rejects_invalid_dimensions() -> None:
    with pytest.raises(CommandError, match="multiple of 4"):
        call_command("bench_index", "--rows", "1000", "--dim", "10")


def test_names_on_the_command_line_are_unique() -> None:
    assert len(ENGINES) == 17
