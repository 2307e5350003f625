"""Sizes one after the other, then builders killed and files damaged."""

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
from tools.bench.scaling.building import Build
from tools.bench.scaling.catalogue import space_of
from tools.bench.scaling.damage import Damage, flip_bits
from tools.bench.scaling.killing import Killing, kill_builds
from tools.bench.scaling.reading import Reading, read_afresh

LEAST_RECALL = 0.95
OFF_AT_MOST = 0.1
"""Headers, samples and the ends of lists are not counted with, and are small."""

FLIPS_UP_TO = 100_000
"""Vectors from which every file is damaged once only: each look reads all files."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Growth:
    """One size. `bytes_per_vector` is what the picture segment takes on the disk, its fp16
    vectors included, and `planned_bytes` what `index plan` counts with, and the lists' centres,
    which are nothing in a large index.
    """

    vectors: int
    dim: int
    shape: str
    factory: str
    why: str
    build_seconds: float
    bytes_per_vector: float
    planned_bytes: float
    reading: Reading
    damage: Damage


@dataclass(frozen=True, slots=True)
class GrowthReport:
    sizes: list[Growth]
    killing: Killing

    @property
    def broken(self) -> list[str]:
        """Promises that were not kept."""
        faults = [
            f"recall@10 of {growth.vectors:,} vectors, {kind} queries: {value:.3f}"
            for growth in self.sizes
            for kind, value in growth.reading.recall.items()
            if value < LEAST_RECALL
        ]
        faults += [
            f"a flipped bit in {name} was not noticed"
            for growth in self.sizes
            for name in growth.damage.missed
        ]
        faults += [
            f"{growth.bytes_per_vector:.0f} bytes a vector, where {growth.planned_bytes:.0f} were planned"
            for growth in self.sizes
            if abs(growth.bytes_per_vector / growth.planned_bytes - 1) > OFF_AT_MOST
        ]
        if self.killing.wrong:
            faults.append(f"{self.killing.wrong} answers changed while builders were killed")
        if self.killing.damaged:
            faults.append(f"{self.killing.damaged} times something damaged was live after a kill")
        return faults

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"broken": self.broken}


def measure_growth(
    sizes: Sequence[int],
    dim: int,
    *,
    queries: int,
    kills: int,
    killed_size: int,
    flips: int,
    say: Say,
) -> GrowthReport:
    """Needs 8 bytes a dimension and vector of the largest size on the disk. Raises RuntimeError
    when a build fails.
    """
    growths = []
    with tempfile.TemporaryDirectory(prefix="omnishelf-growth-") as scratch:
        for size in sizes:
            say(f"{size:,} vectors")
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                growths.append(_measure(Path(folder), Spec(size, dim, queries), flips))
        say(f"{kills} builders of {killed_size:,} vectors are killed")
        killing = _kill(Path(scratch), Spec(killed_size, dim, queries), kills)
    return GrowthReport(growths, killing)


def _measure(folder: Path, spec: Spec, flips: int) -> Growth:
    data, root = folder / "data", folder / "index"
    space = space_of(generate(data, spec))
    seconds = Build(data, root, 1).finish()
    [segment] = [
        part
        for part in FaissGenerations(root, space).get_live().segments
        if part.modality is Modality.PICTURE
    ]
    reading = read_afresh(data, root)
    damage = flip_bits(root, space, flips if spec.rows <= FLIPS_UP_TO else 1)
    return Growth(
        vectors=spec.rows,
        dim=spec.dim,
        shape=segment.index_type,
        factory=segment.factory,
        why=segment.why,
        build_seconds=seconds,
        bytes_per_vector=segment.bytes / segment.views,
        planned_bytes=_planned(segment, spec.dim),
        reading=reading,
        damage=damage,
    )


def _kill(folder: Path, spec: Spec, kills: int) -> Killing:
    data, root = folder / "data", folder / "index"
    generate(data, spec)
    return kill_builds(data, root, 2, kills, Build(data, root, 1).finish())


def _planned(segment: SegmentManifest, dim: int) -> float:
    plans = choose_index_types(segment.views, dim, IndexTypeSettings())
    view = next(plan.mapped_bytes for plan in plans if plan.factory == segment.factory)
    return view + 4 * dim * segment.lists / segment.views
