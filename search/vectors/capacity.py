"""How an index of any size would be kept: shape, bytes, machines and cost, by arithmetic on what
a view takes.

Bytes of a view come from `search.vectors.index_types`, which `make bench-growth` checks against
real files. What machines cost, and what a cluster adds, are assumptions, all of them fields of
`Assumptions`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, replace

from search.errors import ConfigError
from search.vectors.index_types import ID_BYTES, IndexTypeSettings, choose_index_types
from search.vectors.manifest import IndexType

GIBIBYTE = 1 << 30


class Tier(enum.StrEnum):
    """Where an index of this size lies."""

    MEMORY = "memory"
    """Codes and vectors of all views in the memory of one machine."""

    DISK = "disk"
    """Codes in memory; the vectors that answers are re-scored with are read from NVMe."""

    CLUSTER = "cluster"
    """Several machines: Milvus, its codes spread over query nodes."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """A machine, the processes that search on it, and prices in US dollars a month.

    A share of memory is left to the system and the models. Generations on the disk are those
    kept for a rollback and the one being built. A cluster's codes take `cluster_overhead` times
    as much, for its own structures.
    """

    memory_bytes: int = 64 * GIBIBYTE
    usable_share: float = 0.7
    processes: int = 2
    generations: int = 4
    cluster_overhead: float = 1.2
    price_memory_gib: float = 4.0
    price_disk_gib: float = 0.1

    @property
    def usable_bytes(self) -> int:
        return int(self.memory_bytes * self.usable_share)


@dataclass(frozen=True, slots=True)
class Capacity:
    """Memory is what all machines together must hold for the latencies measured, disk what all
    of them store.
    """

    views: int
    dim: int
    tier: Tier
    shape: IndexType
    factory: str
    memory_bytes: int
    disk_bytes: int
    machines: int
    dollars_a_month: float


def plan_capacity(
    views: int,
    dim: int,
    assumed: Assumptions | None = None,
    shapes: IndexTypeSettings | None = None,
) -> Capacity:
    """How `views` views of one modality would be kept. Raises ConfigError for less than one view
    or component.
    """
    if views < 1 or dim < 1:
        raise ConfigError("views and dimension must be above zero", value=(views, dim))
    assumed, shapes = assumed or Assumptions(), shapes or IndexTypeSettings()
    limited = replace(shapes, memory_bytes=assumed.usable_bytes // assumed.processes)
    plan = choose_index_types(views, dim, limited)[0]
    rows, ids = 2 * dim, 2 * ID_BYTES
    # Codes are either copied by every process or mapped by all of them.
    codes = plan.own_bytes * assumed.processes or plan.mapped_bytes - rows - ids
    everything, without_rows = views * (codes + ids + rows), views * (codes + ids)
    if everything <= assumed.usable_bytes:
        tier, memory = Tier.MEMORY, everything
    elif without_rows <= assumed.usable_bytes and plan.index_type != "exact":
        tier, memory = Tier.DISK, without_rows
    else:
        one_copy = plan.own_bytes or plan.mapped_bytes - rows - ids
        tier, memory = Tier.CLUSTER, int(views * one_copy * assumed.cluster_overhead)
    machines = math.ceil(memory / assumed.usable_bytes)
    disk = plan.mapped_bytes * views * assumed.generations
    return Capacity(
        views=views,
        dim=dim,
        tier=tier,
        shape="milvus" if tier is Tier.CLUSTER else plan.index_type,
        factory=plan.factory,
        memory_bytes=memory,
        disk_bytes=disk,
        machines=machines,
        dollars_a_month=(
            machines * assumed.memory_bytes * assumed.price_memory_gib + disk * assumed.price_disk_gib
        ) / GIBIBYTE,
    )  # fmt: skip
