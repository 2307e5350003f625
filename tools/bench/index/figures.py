"""What was measured, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.index.data import Spec
from tools.bench.index.engines.base import Setting
from tools.bench.index.engines.catalogue import ENGINES
from tools.bench.index.engines.ours import Ours
from tools.bench.index.engines.raw_faiss import RAW_FAISS, Hnsw
from tools.bench.index.filters import Filtered

RAW = tuple(engine.name for engine in RAW_FAISS)
PEERS = tuple(
    engine.name
    for engine in ENGINES.values()
    if engine.name not in RAW and not issubclass(engine, Ours)
)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """Bytes are a vector. `reached` says whether the target recall was reached on the queries
    tuned on; the recalls are of held-out ones. Rates are queries per second: in batches by
    threads, and one by one on one thread.
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
        """By the way of asking."""
        batches = {
            f"batch, threads {threads}": rate for threads, rate in sorted(self.batch_qps.items())
        }
        return batches | {"single": self.single_qps}


@dataclass(frozen=True, slots=True)
class Left:
    """An engine that has no figures, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours by the best of the others, at the target recall."""

    other: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run on one machine."""

    spec: Spec
    cpu: str
    cores: int
    engines: Sequence[EngineFigures]
    left: Sequence[Left]
    filters: Sequence[Filtered]

    def against_raw(self) -> dict[str, Ratio]:
        """Our rate by the best raw FAISS shape's, by the way of asking; empty without either."""
        return self._against(RAW)

    def against_peers(self) -> dict[str, Ratio]:
        """Our rate by the best other peer's, by the way of asking; empty without either."""
        return self._against(PEERS)

    def ahead_of_peers(self) -> dict[str, bool]:
        """Whether we answer faster than this peer in every way of asking, or it missed the
        recall.
        """
        ours = self._named(Ours.name)
        if ours is None:
            return {}
        peers = [engine for engine in self.engines if engine.name in PEERS]
        return {
            peer.name: ours.reached
            and (
                not peer.reached
                or all(ours.rates()[way] > rate for way, rate in peer.rates().items())
            )
            for peer in peers
        }

    def memory_by_hnsw(self) -> dict[str, float]:
        """Our memory by that of FAISS's HNSW: all that is resident, and what no other process
        can share.
        """
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
        best = {way: max(others, key=_rate(way)) for way in ours.rates()}
        return {
            way: Ratio(other.name, ours.rates()[way] / other.rates()[way])
            for way, other in best.items()
        }

    def _named(self, name: str) -> EngineFigures | None:
        return next((engine for engine in self.engines if engine.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "against_raw": {way: asdict(ratio) for way, ratio in self.against_raw().items()},
            "against_peers": {way: asdict(ratio) for way, ratio in self.against_peers().items()},
            "ahead_of_peers": self.ahead_of_peers(),
            "memory_by_hnsw": self.memory_by_hnsw(),
        }


def _rate(way: str) -> Callable[[EngineFigures], float]:
    return lambda engine: engine.rates()[way]
