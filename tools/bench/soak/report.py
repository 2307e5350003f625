"""What a run showed, and which promises it kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

from tools.bench.soak.freshness_probe import Probes
from tools.bench.soak.latency import Latencies
from tools.bench.soak.load import Tally
from tools.bench.soak.oracle import STALE_S, Verdict

LEAST_RECALL = 0.95
SLOWER_AT_MOST = 2.0
GROWN_AT_MOST_MIB = 64.0

ENOUGH = 300
"""Searches below which a 99th percentile says nothing."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Seconds from the order to the publication; shapes by modality."""

    second_space: bool
    number: int
    seconds: float
    shapes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Promise:
    """`least` and `most` bound what was measured; None is no bound."""

    what: str
    measured: float
    least: float | None = None
    most: float | None = None

    @property
    def kept(self) -> bool:
        return (self.least is None or self.measured >= self.least) and (
            self.most is None or self.measured <= self.most
        )


@dataclass(frozen=True, slots=True)
class LifeReport:
    """Latencies in milliseconds by search and phase, memory in bytes, recall@10 by search."""

    seconds: float
    searches: int
    latencies: dict[str, dict[str, dict[str, float]]]
    failures: dict[str, int]
    recall: dict[str, float]
    compared: int
    looked_for: int
    fresh_p50_s: float
    fresh_p99_s: float
    oldest_ghost_s: float
    rebuilds: list[Rebuild]
    memory_before: int
    memory_after: int
    promises: list[Promise]

    @property
    def broken(self) -> list[Promise]:
        return [promise for promise in self.promises if not promise.kept]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "promises": [asdict(promise) | {"kept": promise.kept} for promise in self.promises]
        }


def made_report(
    seconds: float,
    tallies: Sequence[Tally],
    probes: Probes,
    verdict: Verdict,
    rebuilds: Sequence[Rebuild],
    memory: Sequence[int],
) -> LifeReport:
    """`memory` was sampled evenly."""
    latencies = _joined(tallies)
    failures = sum((tally.failures for tally in tallies), Counter())
    before, after = _early(memory), _late(memory)
    recall = {label: fmean(values) for label, values in sorted(verdict.recalls.items())}
    promises = [
        Promise("searches that failed", sum(failures.values()), most=0),
        Promise(f"new views not found after {STALE_S:.0f} s", len(probes.missing), most=0),
        Promise("deleted or hidden products on a page", verdict.page_ghosts, most=0),
        Promise(
            f"deleted or hidden views in the index after {STALE_S:.0f} s",
            verdict.index_ghosts + len(probes.returned),
            most=0,
        ),
        Promise("answers with too few views", verdict.short, most=0),
        Promise("scores that differ from the oracle's", verdict.wrong_scores, most=0),
        *(
            Promise(f"recall@10, {label}", value, least=LEAST_RECALL)
            for label, value in recall.items()
        ),
        *(
            Promise(f"p99 during a rebuild / without, {search}", ratio, most=SLOWER_AT_MOST)
            for search, ratio in _slowdowns(latencies).items()
        ),
        Promise(
            "MiB of memory grown from early to late",
            (after - before) / 2**20,
            most=GROWN_AT_MOST_MIB,
        ),
        Promise("views looked for by their own vector", probes.looked, least=1),
        Promise("rebuilds and spaces swapped", len(rebuilds), least=3),
    ]
    return LifeReport(
        seconds=seconds,
        searches=verdict.answers,
        latencies=_percentiles(latencies),
        failures=dict(failures),
        recall=recall,
        compared=verdict.compared,
        looked_for=probes.looked,
        fresh_p50_s=probes.fresh.percentile_ms(50) / 1000,
        fresh_p99_s=probes.fresh.percentile_ms(99) / 1000,
        oldest_ghost_s=verdict.oldest_ghost_s,
        rebuilds=list(rebuilds),
        memory_before=before,
        memory_after=after,
        promises=promises,
    )


def _joined(tallies: Sequence[Tally]) -> dict[tuple[str, str], Latencies]:
    joined: dict[tuple[str, str], Latencies] = {}
    for tally in tallies:
        for key, latencies in tally.latencies.items():
            joined.setdefault(key, Latencies()).join(latencies)
    return joined


def _percentiles(
    latencies: dict[tuple[str, str], Latencies],
) -> dict[str, dict[str, dict[str, float]]]:
    table: dict[str, dict[str, dict[str, float]]] = {}
    for (search, phase), found in sorted(latencies.items()):
        figures = {
            "count": found.count,
            "p50": found.percentile_ms(50),
            "p99": found.percentile_ms(99),
        }
        table.setdefault(search, {})[phase] = figures
    return table


def _slowdowns(latencies: dict[tuple[str, str], Latencies]) -> dict[str, float]:
    """p99 during rebuilds over p99 without, of every search that was asked often enough in both."""
    slowdowns = {}
    for search in sorted({search for search, _ in latencies}):
        busy, steady = (
            latencies.get((search, phase), Latencies()) for phase in ("rebuild", "steady")
        )
        if min(busy.count, steady.count) >= ENOUGH:
            slowdowns[search] = busy.percentile_ms(99) / steady.percentile_ms(99)
    return slowdowns


def _early(memory: Sequence[int]) -> int:
    """The median of the second sixth of the run: caches are warm, nothing else has grown."""
    sixth = max(1, len(memory) // 6)
    return int(median(memory[sixth : 2 * sixth] or memory))


def _late(memory: Sequence[int]) -> int:
    """The median of the last sixth."""
    return int(median(memory[-max(1, len(memory) // 6) :]))
