"""The figures of a comparison, and ratios derived from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.index.data import Spec
from tools.bench.index.engines.base import Setting
from tools.bench.index.engines.ours import Ours
from tools.bench.index.engines.raw_faiss import RAW_FAISS, Hnsw
from tools.bench.index.engines.registry import ENGINES
from tools.bench.index.filters import FilterResult

RAW = tuple(engine.name for engine in RAW_FAISS)
PEERS = tuple(
    engine.name
    for engine in ENGINES.values()
    if engine.name not in RAW and not issubclass(engine, Ours)
)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """Figures of one engine.

    Bytes are per vector. `reached` says whether the tuning queries reached the target recall; the
    recalls are of held-out queries. Rates are queries per second: of batches by number of threads,
    and of single queries on one thread.
    """

    name: str
    version: str
    licence: str
    about: str
    setting: Setting
    reached: bool
    text_recall: float
    picture_recall: float
    build_seconds: float
    open_seconds: float
    disk_bytes: float
    private_bytes: float
    mapped_bytes: float
    batch_qps: dict[int, float]
    single_qps: float
    p50_ms: float
    p99_ms: float

    def rates(self) -> dict[str, float]:
        """Return the rates by mode: batches by threads, and single queries."""
        batches = {
            f"batch, threads {threads}": rate for threads, rate in sorted(self.batch_qps.items())
        }
        return batches | {"single": self.single_qps}


@dataclass(frozen=True, slots=True)
class SkippedEngine:
    """An engine without figures, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our rate by that of the best other engine, at the target recall."""

    other: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures of one run."""

    spec: Spec
    cpu: str
    cores: int
    engines: Sequence[EngineFigures]
    skipped: Sequence[SkippedEngine]
    filters: Sequence[FilterResult]

    def against_raw(self) -> dict[str, Ratio]:
        """Return our rate by that of the best raw FAISS index, by mode; empty without either."""
        return self._against(RAW)

    def against_peers(self) -> dict[str, Ratio]:
        """Return our rate by that of the best other library, by mode; empty without either."""
        return self._against(PEERS)

    def ahead_of_peers(self) -> dict[str, bool]:
        """Return by library whether we are faster in every mode, or it missed the recall."""
        ours = self._named(Ours.name)
        if ours is None:
            return {}
        peers = [engine for engine in self.engines if engine.name in PEERS]
        return {
            peer.name: ours.reached
            and (
                not peer.reached
                or all(ours.rates()[mode] > rate for mode, rate in peer.rates().items())
            )
            for peer in peers
        }

    def memory_by_hnsw(self) -> dict[str, float]:
        """Return our memory by that of FAISS's HNSW: resident, and private to the process."""
        ours, hnsw = self._named(Ours.name), self._named(Hnsw.name)
        if ours is None or hnsw is None:
            return {}
        resident = (ours.private_bytes + ours.mapped_bytes) / (
            hnsw.private_bytes + hnsw.mapped_bytes
        )
        return {"resident": resident, "private": ours.private_bytes / hnsw.private_bytes}

    def _against(self, names: Sequence[str]) -> dict[str, Ratio]:
        ours = self._named(Ours.name)
        others = [engine for engine in self.engines if engine.name in names and engine.reached]
        if ours is None or not others:
            return {}
        best = {mode: max(others, key=_rate(mode)) for mode in ours.rates()}
        return {
            mode: Ratio(other.name, ours.rates()[mode] / other.rates()[mode])
            for mode, other in best.items()
        }

    def _named(self, name: str) -> EngineFigures | None:
        return next((engine for engine in self.engines if engine.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "against_raw": {mode: asdict(ratio) for mode, ratio in self.against_raw().items()},
            "against_peers": {mode: asdict(ratio) for mode, ratio in self.against_peers().items()},
            "ahead_of_peers": self.ahead_of_peers(),
            "memory_by_hnsw": self.memory_by_hnsw(),
        }


def _rate(mode: str) -> Callable[[EngineFigures], float]:
    return lambda engine: engine.rates()[mode]
