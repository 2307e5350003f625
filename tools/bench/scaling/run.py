"""Measure one size after the other, then kill builders."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.types import Modality
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.index_types import IndexTypeSettings, choose_index_types
from search.vectors.manifest import SegmentManifest
from tools.bench.index.data import Spec, generate
from tools.bench.scaling.building import BuildProcess
from tools.bench.scaling.catalogue import resolve_space
from tools.bench.scaling.damage import DamageResult, flip_bits
from tools.bench.scaling.killing import KillResult, kill_builds
from tools.bench.scaling.reading import ReadResult, read_in_new_process

MIN_RECALL = 0.95
MAX_SIZE_DEVIATION = 0.1
"""The plan does not count headers, samples and list ends, which are small."""

MAX_ROWS_FOR_ALL_FLIPS = 100_000
"""Above this size each file is damaged only once: each check reads all files."""

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SizeResult:
    """Figures of one size.

    `bytes_per_vector` is the disk space of the picture segment with its fp16 vectors,
    `planned_bytes` that of `index plan` and of the centroids, which only matter in a small index.
    """

    vectors: int
    dim: int
    index_type: str
    factory: str
    why: str
    build_seconds: float
    bytes_per_vector: float
    planned_bytes: float
    reading: ReadResult
    damage: DamageResult


@dataclass(frozen=True, slots=True)
class ScalingReport:
    """Figures by size, and of the killed builds."""

    sizes: list[SizeResult]
    killing: KillResult

    @property
    def broken(self) -> list[str]:
        """The broken promises."""
        faults = [
            f"recall@10 of {size.vectors:,} vectors, {kind} queries: {value:.3f}"
            for size in self.sizes
            for kind, value in size.reading.recall.items()
            if value < MIN_RECALL
        ]
        faults += [
            f"a flipped bit in {name} was not detected"
            for size in self.sizes
            for name in size.damage.missed
        ]
        faults += [
            f"{size.bytes_per_vector:.0f} bytes per vector instead of {size.planned_bytes:.0f}"
            for size in self.sizes
            if abs(size.bytes_per_vector / size.planned_bytes - 1) > MAX_SIZE_DEVIATION
        ]
        if self.killing.wrong:
            faults.append(f"{self.killing.wrong} answers changed while builders were killed")
        if self.killing.damaged:
            faults.append(f"{self.killing.damaged} times the live generation was damaged by a kill")
        return faults

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"broken": self.broken}


def measure_scaling(
    sizes: Sequence[int],
    dim: int,
    *,
    queries: int,
    kills: int,
    killed_size: int,
    flips: int,
    log: Log,
) -> ScalingReport:
    """Measure all sizes; needs 8 bytes of disk per dimension and vector of the largest size.

    Raises RuntimeError when a build fails.
    """
    results = []
    with tempfile.TemporaryDirectory(prefix="omnishelf-scaling-") as scratch:
        for size in sizes:
            log(f"{size:,} vectors")
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                results.append(_measure(Path(folder), Spec(size, dim, queries), flips))
        log(f"killing {kills} builds of {killed_size:,} vectors")
        killing = _kill(Path(scratch), Spec(killed_size, dim, queries), kills)
    return ScalingReport(results, killing)


def _measure(folder: Path, spec: Spec, flips: int) -> SizeResult:
    data, root = folder / "data", folder / "index"
    space = resolve_space(generate(data, spec))
    seconds = BuildProcess(data, root, 1).finish()
    [segment] = [
        part
        for part in FaissGenerations(root, space).get_live().segments
        if part.modality is Modality.PICTURE
    ]
    reading = read_in_new_process(data, root)
    damage = flip_bits(root, space, flips if spec.rows <= MAX_ROWS_FOR_ALL_FLIPS else 1)
    return SizeResult(
        vectors=spec.rows,
        dim=spec.dim,
        index_type=segment.index_type,
        factory=segment.factory,
        why=segment.why,
        build_seconds=seconds,
        bytes_per_vector=segment.bytes / segment.views,
        planned_bytes=_planned_bytes(segment, spec.dim),
        reading=reading,
        damage=damage,
    )


def _kill(folder: Path, spec: Spec, kills: int) -> KillResult:
    data, root = folder / "data", folder / "index"
    generate(data, spec)
    return kill_builds(data, root, 2, kills, BuildProcess(data, root, 1).finish())


def _planned_bytes(segment: SegmentManifest, dim: int) -> float:
    plans = choose_index_types(segment.views, dim, IndexTypeSettings())
    view = next(plan.mapped_bytes for plan in plans if plan.factory == segment.factory)
    return view + 4 * dim * segment.lists / segment.views
