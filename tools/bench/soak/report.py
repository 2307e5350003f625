"""Results of a run, and the promises that it kept or broke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median
from typing import Any

from tools.bench.soak.freshness_probe import ProbeResults
from tools.bench.soak.latency import Latencies
from tools.bench.soak.load import SearchStats
from tools.bench.soak.oracle import MAX_STALENESS_S, Verdict

MIN_RECALL = 0.95
MAX_SLOWDOWN = 2.0
MAX_MEMORY_GROWTH_MIB = 64.0

MIN_SEARCHES = 300
"""Number of searches that a 99th percentile needs."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A rebuild of the index: seconds from order to publication; index types by modality."""

    second_space: bool
    number: int
    seconds: float
    index_types: dict[str, str]


@dataclass(frozen=True, slots=True)
class Promise:
    """A measured value and its bounds; None means no bound."""

    what: str
    measured: float
    minimum: float | None = None
    maximum: float | None = None

    @property
    def kept(self) -> bool:
        return (self.minimum is None or self.measured >= self.minimum) and (
            self.maximum is None or self.measured <= self.maximum
        )


@dataclass(frozen=True, slots=True)
class SoakReport:
    """Latencies in milliseconds by search and phase, memory in bytes, recall@10 by search."""

    seconds: float
    searches: int
    latencies: dict[str, dict[str, dict[str, float]]]
    failures: dict[str, int]
    recall: dict[str, float]
    compared: int
    probed: int
    fresh_p50_s: float
    fresh_p99_s: float
    oldest_removed_s: float
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


def build_report(
    seconds: float,
    all_stats: Sequence[SearchStats],
    results: ProbeResults,
    verdict: Verdict,
    rebuilds: Sequence[Rebuild],
    memory: Sequence[int],
) -> SoakReport:
    """Build the report; `memory` holds samples at even intervals."""
    latencies = _merge(all_stats)
    failures = sum((stats.failures for stats in all_stats), Counter())
    before, after = _early(memory), _late(memory)
    recall = {label: fmean(values) for label, values in sorted(verdict.recalls.items())}
    promises = [
        Promise("failed searches", sum(failures.values()), maximum=0),
        Promise(
            f"new views not found after {MAX_STALENESS_S:.0f} s", len(results.missing), maximum=0
        ),
        Promise("deleted or hidden products on a page", verdict.removed_on_page, maximum=0),
        Promise(
            f"deleted or hidden views in the index after {MAX_STALENESS_S:.0f} s",
            verdict.removed_in_index + len(results.returned),
            maximum=0,
        ),
        Promise("answers with too few views", verdict.short, maximum=0),
        Promise("scores that differ from the oracle's", verdict.wrong_scores, maximum=0),
        *(
            Promise(f"recall@10, {label}", value, minimum=MIN_RECALL)
            for label, value in recall.items()
        ),
        *(
            Promise(f"p99 during a rebuild / without, {search}", ratio, maximum=MAX_SLOWDOWN)
            for search, ratio in _compare_p99(latencies).items()
        ),
        Promise(
            "MiB of memory grown from early to late",
            (after - before) / 2**20,
            maximum=MAX_MEMORY_GROWTH_MIB,
        ),
        Promise("views searched for by their own vector", results.probed, minimum=1),
        Promise("rebuilds and switches of the space", len(rebuilds), minimum=3),
    ]
    return SoakReport(
        seconds=seconds,
        searches=verdict.answers,
        latencies=_summarise_latencies(latencies),
        failures=dict(failures),
        recall=recall,
        compared=verdict.compared,
        probed=results.probed,
        fresh_p50_s=results.fresh.percentile_ms(50) / 1000,
        fresh_p99_s=results.fresh.percentile_ms(99) / 1000,
        oldest_removed_s=verdict.oldest_removed_s,
        rebuilds=list(rebuilds),
        memory_before=before,
        memory_after=after,
        promises=promises,
    )


def _merge(all_stats: Sequence[SearchStats]) -> dict[tuple[str, str], Latencies]:
    joined: dict[tuple[str, str], Latencies] = {}
    for stats in all_stats:
        for key, latencies in stats.latencies.items():
            joined.setdefault(key, Latencies()).merge(latencies)
    return joined


def _summarise_latencies(
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


def _compare_p99(latencies: dict[tuple[str, str], Latencies]) -> dict[str, float]:
    """Return p99 during rebuilds by p99 without, for searches with enough samples of both."""
    slowdowns = {}
    for search in sorted({search for search, _ in latencies}):
        busy, steady = (
            latencies.get((search, phase), Latencies()) for phase in ("rebuild", "steady")
        )
        if min(busy.count, steady.count) >= MIN_SEARCHES:
            slowdowns[search] = busy.percentile_ms(99) / steady.percentile_ms(99)
    return slowdowns


def _early(memory: Sequence[int]) -> int:
    """Return the median of the second sixth of the run, when caches are warm."""
    sixth = max(1, len(memory) // 6)
    return int(median(memory[sixth : 2 * sixth] or memory))


def _late(memory: Sequence[int]) -> int:
    """Return the median of the last sixth of the run."""
    return int(median(memory[-max(1, len(memory) // 6) :]))
