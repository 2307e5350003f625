"""Journal, latency histogram and promises of the soak test."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.types import Modality
from tools.bench.soak.journal import Change, ChangeKind, JournalReader, JournalWriter
from tools.bench.soak.latency import Latencies
from tools.bench.soak.report import Promise


def test_a_reader_reads_complete_lines_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = JournalWriter(path)
    reader = JournalReader(path)
    added = Change(1.0, 2.0, ChangeKind.ADDED, 3, 4, "tenth", {Modality.PICTURE: [5, 6]})
    lines.write(added)
    assert (reader.read(), reader.until) == ([added], 2.0)
    lines.write(Change(3.0, 3.0, ChangeKind.HEARTBEAT))
    assert (reader.read(), reader.until) == ([], 3.0)
    with path.open("a") as file:
        file.write('[7.0, 8.0, "remo')
        file.flush()
        assert (reader.read(), reader.until) == ([], 3.0)
        file.write('ved", 3, 0, "", null]\n')
    assert reader.read() == [Change(7.0, 8.0, ChangeKind.REMOVED, 3)]
    lines.close()
    reader.close()


def test_percentiles_are_at_most_two_percent_too_high() -> None:
    latencies, others = Latencies(), Latencies()
    for milliseconds in range(1, 100):
        latencies.add(milliseconds / 1000)
    others.add(10_000.0)
    latencies.merge(others)
    assert latencies.count == 100
    assert 50 <= latencies.percentile_ms(50) <= 51
    assert 99 <= latencies.percentile_ms(99) <= 101
    assert Latencies().percentile_ms(99) == 0


@pytest.mark.parametrize(("measured", "kept"), [(0.94, False), (0.95, True)])
def test_a_promise_has_bounds(measured: float, kept: bool) -> None:
    assert Promise("recall", measured, minimum=0.95).kept is kept
    assert Promise("slower", 1 - measured, maximum=0.05001).kept is kept
