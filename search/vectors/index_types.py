"""Which FAISS index type a segment gets, by its size, dimension, memory and wanted recall.

Sources: Jégou et al., Product Quantization for Nearest Neighbor Search (2011); André et al.,
Quicker ADC (2019), for 4-bit codes scanned in registers; Ge et al., Optimized Product Quantization
(2013). `make bench-index` compares the types.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from search.config import EngineSettings
from search.vectors.manifest import IndexType

POINTS_PER_CENTROID = 39
"""FAISS's own lower bound; with fewer points k-means centroids are noise."""

FOUR_BIT_CENTROIDS, EIGHT_BIT_CENTROIDS = 16, 256

MIN_TRAINABLE_VIEWS = POINTS_PER_CENTROID * FOUR_BIT_CENTROIDS
"""Fewer views cannot train even the smallest product quantiser."""

MIN_ROTATED_DIM = 64
"""With fewer components, one code for every four is too coarse to tell views apart."""

LIST_COUNT_STEPS = 4
"""Possible numbers of lists between one power of two and the next."""

LARGE_SEGMENT_VIEWS = 2_000_000
MAX_LISTS, MAX_LISTS_LARGE_SEGMENT = 4096, 16384
ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class IndexTypeSettings:
    """Limits that decide a segment's index type.

    Segments of up to `exact_up_to` views are scanned. Segments of up to `eight_bit_up_to` keep
    eight bits per component, in lists that stay in the mapped file. Larger ones keep four bits,
    which is faster where a query scans many lists.

    `memory_bytes` limits what the codes of one segment take of a process's own memory; None is no
    limit. `recall_target` is recall@10 against exact search, for queries of every modality.
    `for_gpu` asks for codes that a GPU can search too.
    """

    exact_up_to: int = 20_000
    eight_bit_up_to: int = 0
    memory_bytes: int | None = None
    recall_target: float = 0.97
    for_gpu: bool = False

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> IndexTypeSettings:
        return cls(
            exact_up_to=settings.exact_up_to,
            memory_bytes=settings.index_memory_bytes or None,
            recall_target=settings.recall_target,
            for_gpu=settings.index_device == "cuda" and settings.index_gpu_shape == "ivf_pq",
        )


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """An index to build: its type, FAISS factory string, number of lists, and why.

    Sizes are bytes per view: `private_bytes` in each process's own memory, `mapped_bytes` in mapped
    files, which the system caches as far as there is room.
    """

    index_type: IndexType
    factory: str
    lists: int
    private_bytes: int
    mapped_bytes: int
    reason: str


def choose_index_types(views: int, dim: int, settings: IndexTypeSettings) -> tuple[IndexPlan, ...]:
    """Return what to build for so many views, then what to try where the recall is missed.

    The last plan is exact search.
    """
    row_bytes = 2 * dim + 2 * ID_BYTES
    exact_up_to = max(settings.exact_up_to, MIN_TRAINABLE_VIEWS)
    exact = IndexPlan("exact", "", 0, 0, row_bytes, f"{views} views")
    if views <= exact_up_to:
        return (_add_reason(exact, f"exact up to {exact_up_to}"),)
    lists = choose_list_count(views)
    eight_bit = IndexPlan(
        "ivf_sq8",
        f"{_ivf_factory(lists)},SQ8",
        lists,
        0,
        row_bytes + dim + ID_BYTES,
        f"{views} views",
    )
    if views <= settings.eight_bit_up_to:
        return _add_reason(eight_bit, f"eight bits up to {settings.eight_bit_up_to}"), exact
    if settings.for_gpu:
        gpu = _add_reason(_plan_for_gpu(views, dim, lists), "codes that a GPU can search")
        return gpu, eight_bit, exact
    four_bit = _plan_four_bit(views, dim, lists)
    smallest = views * four_bit[0].private_bytes
    if settings.memory_bytes is not None and smallest > settings.memory_bytes:
        reason = f"codes in memory would take {smallest} bytes"
        return _add_reason(_plan_mapped(views, dim, lists), reason), eight_bit, exact
    memory_bytes = settings.memory_bytes or math.inf
    reason = f"four bits above {settings.eight_bit_up_to}"
    fitting = [plan for plan in four_bit if views * plan.private_bytes <= memory_bytes]
    return *(_add_reason(plan, reason) for plan in fitting), eight_bit, exact


def choose_list_count(views: int) -> int:
    """Return 4√n inverted lists, limited by segment size and by the points that k-means needs.

    More lists than that made queries far from the views scan twice as many of 200,000 views. The
    number goes in steps of a fifth, because only lists of the same number can be reused from the
    generation before.
    """
    wanted = (
        MAX_LISTS_LARGE_SEGMENT
        if views > LARGE_SEGMENT_VIEWS
        else min(4 * math.sqrt(views), MAX_LISTS)
    )
    affordable = max(1.0, min(wanted, views / POINTS_PER_CENTROID))
    steps = math.floor(LIST_COUNT_STEPS * math.log2(affordable) + 1e-9)
    return math.floor(2 ** (steps / LIST_COUNT_STEPS))


def _ivf_factory(lists: int) -> str:
    return f"IVF{lists}_HNSW32" if lists >= MAX_LISTS_LARGE_SEGMENT else f"IVF{lists}"


def _plan_four_bit(views: int, dim: int, lists: int) -> list[IndexPlan]:
    """Plan 4-bit codes: one for every four components, where possible, then one for every two.

    A learned rotation (OPQ) goes before the former and spreads the variance evenly over the codes:
    half the bytes to scan at the same recall.
    """
    plans = []
    if dim >= MIN_ROTATED_DIM and dim % 4 == 0:
        plans.append((f"OPQ{dim // 4},", dim // 4))
    plans.append(("", _codes_per_pair(dim)))
    return [
        IndexPlan(
            "ivf_pq",
            f"{rotation}{_ivf_factory(lists)},PQ{codes}x4fs",
            lists,
            _code_bytes(codes, 4),
            2 * dim + 2 * ID_BYTES + _code_bytes(codes, 4),
            f"{views} views",
        )
        for rotation, codes in plans
    ]


def _plan_for_gpu(views: int, dim: int, lists: int) -> IndexPlan:
    """Plan codes of residuals, stored view by view, as cuVS needs them.

    They have four bits where there are too few views to train eight.
    """
    if views >= POINTS_PER_CENTROID * EIGHT_BIT_CENTROIDS:
        return _plan_row_wise(views, dim, lists, _codes_per_four(dim), 8)
    return _plan_row_wise(views, dim, lists, _codes_per_pair(dim), 4)


def _plan_mapped(views: int, dim: int, lists: int) -> IndexPlan:
    """Plan codes of a byte, stored view by view, which FAISS maps.

    FAISS copies codes that are scanned in registers.
    """
    if views >= POINTS_PER_CENTROID * EIGHT_BIT_CENTROIDS:
        return _plan_row_wise(views, dim, lists, _codes_per_four(dim), 8)
    return IndexPlan(
        "ivf_mapped",
        f"{_ivf_factory(lists)},SQ8",
        lists,
        0,
        2 * dim + 2 * ID_BYTES + dim + ID_BYTES,
        f"{views} views",
    )


def _plan_row_wise(views: int, dim: int, lists: int, codes: int, bits: int) -> IndexPlan:
    return IndexPlan(
        "ivf_mapped",
        f"{_ivf_factory(lists)},PQ{codes}x{bits}",
        lists,
        0,
        2 * dim + 2 * ID_BYTES + _code_bytes(codes, bits),
        f"{views} views",
    )


def _code_bytes(codes: int, bits: int) -> int:
    return math.ceil(bits * codes / 8) + ID_BYTES


def _codes_per_pair(dim: int) -> int:
    return dim // 2 if dim % 2 == 0 else dim


def _codes_per_four(dim: int) -> int:
    return dim // 4 if dim % 4 == 0 else _codes_per_pair(dim)


def _add_reason(plan: IndexPlan, reason: str) -> IndexPlan:
    return replace(plan, reason=f"{plan.reason}, {reason}")
