"""Plan an index of any size: index type, bytes, machines and cost, from the bytes of one view.

Bytes of a view come from `search.vectors.index_types`; `make bench-growth` compares them with real
files. Prices and the overhead of a cluster are assumptions, all of them fields of `Assumptions`.
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
    """Where an index is kept."""

    MEMORY = "memory"
    """Codes and vectors of all views in the memory of one machine."""

    DISK = "disk"
    """Codes in memory; the vectors that re-score a shortlist are read from NVMe."""

    CLUSTER = "cluster"
    """Several machines: Milvus, its codes spread over query nodes."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """A machine, the processes that search on it, and prices in US dollars a month.

    The index may take `usable_share` of the memory; the rest is for the system and the models.
    `generations` on disk are those kept for a rollback and the one being built. A cluster's codes
    take `cluster_overhead` times as much memory, for its own structures.
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
    """The index of one modality. Memory and disk are of all machines together.

    Memory is what must stay resident for the measured latencies.
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
    settings: IndexTypeSettings | None = None,
) -> Capacity:
    """Plan the index for `views` views of one modality.

    Raises ConfigError for less than one view or component.
    """
    if views < 1 or dim < 1:
        raise ConfigError("views and dimension must be above zero", value=(views, dim))
    assumed, settings = assumed or Assumptions(), settings or IndexTypeSettings()
    limited = replace(settings, memory_bytes=assumed.usable_bytes // assumed.processes)
    plan = choose_index_types(views, dim, limited)[0]
    rows, ids = 2 * dim, 2 * ID_BYTES
    # Every process copies the codes, or all of them map the same file.
    codes = plan.private_bytes * assumed.processes or plan.mapped_bytes - rows - ids
    everything, without_rows = views * (codes + ids + rows), views * (codes + ids)
    if everything <= assumed.usable_bytes:
        tier, memory = Tier.MEMORY, everything
    elif without_rows <= assumed.usable_bytes and plan.index_type != "exact":
        tier, memory = Tier.DISK, without_rows
    else:
        one_copy = plan.private_bytes or plan.mapped_bytes - rows - ids
        tier, memory = Tier.CLUSTER, int(views * one_copy * assumed.cluster_overhead)
    machines = math.ceil(memory / assumed.usable_bytes)
    disk = plan.mapped_bytes * views * assumed.generations
    memory_price = machines * assumed.memory_bytes * assumed.price_memory_gib
    return Capacity(
        views=views,
        dim=dim,
        tier=tier,
        shape="milvus" if tier is Tier.CLUSTER else plan.index_type,
        factory=plan.factory,
        memory_bytes=memory,
        disk_bytes=disk,
        machines=machines,
        dollars_a_month=(memory_price + disk * assumed.price_disk_gib) / GIBIBYTE,
    )
