"""Which shape a segment gets: from how many views there are, their dimension, the memory and the
recall wanted.

Sources of the shapes: Jégou et al., Product Quantization for Nearest Neighbor Search (2011);
André et al., Quicker ADC (2019), for 4-bit codes scanned in registers; measured against each
other by `make bench-index`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from search.config import EngineSettings
from search.vectors.manifest import IndexType

POINTS_PER_CENTROID = 39
"""FAISS's own lower bound; with fewer points k-means centroids are noise."""

CODE_CENTROIDS, BYTE_CENTROIDS = 16, 256

TRAINABLE = POINTS_PER_CENTROID * CODE_CENTROIDS
"""Views below which not even the smallest product quantiser can be trained."""

TURNED_FROM = 64
"""Components below which codes for four of them are too few to tell views apart."""

STEPS = 4
"""Numbers of lists between one power of two and the next."""

VERY_MANY = 2_000_000
LISTS_OF_MANY, LISTS_OF_VERY_MANY = 4096, 16384
ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class IndexTypeSettings:
    """Segments of up to `exact_up_to` views are scanned; of up to `eight_bit_up_to` keep eight
    bits a component, in lists that stay in the mapped file; larger ones four bits, faster where
    a query has to scan many lists.

    `memory_bytes` is what the codes of one segment may take of a process's own memory (None: any
    amount); `recall_target` is recall@10 against exact search, wanted for queries of every
    modality; `for_gpu` asks for codes that can be searched on a GPU too.
    """

    exact_up_to: int = 20_000
    eight_bit_up_to: int = 0
    memory_bytes: int | None = None
    recall_target: float = 0.97
    for_gpu: bool = False

    @classmethod
    def of(cls, settings: EngineSettings) -> IndexTypeSettings:
        return cls(
            exact_up_to=settings.exact_up_to,
            memory_bytes=settings.index_memory_bytes or None,
            recall_target=settings.recall_target,
            for_gpu=settings.index_device == "cuda" and settings.index_gpu_shape == "ivf_pq",
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A shape to build. Bytes are a view's: `own_bytes` of each process's memory, `mapped_bytes`
    in files that are mapped, of which the system holds as much as there is room for.
    """

    index_type: IndexType
    factory: str
    lists: int
    own_bytes: int
    mapped_bytes: int
    why: str


def choose_index_types(views: int, dim: int, settings: IndexTypeSettings) -> tuple[Plan, ...]:
    """What to build for so many views of `dim` components, and what instead where the recall
    target is missed.
    """
    rows = 2 * dim + 2 * ID_BYTES
    exact = Plan("exact", "", 0, 0, rows, f"{views} views")
    if views <= max(settings.exact_up_to, TRAINABLE):
        return (_because(exact, f"exact up to {max(settings.exact_up_to, TRAINABLE)}"),)
    lists = list_count(views)
    head = _head(lists)
    eight = Plan("ivf_sq8", f"{head},SQ8", lists, 0, rows + dim + ID_BYTES, f"{views} views")
    if views <= settings.eight_bit_up_to:
        return _because(eight, f"eight bits up to {settings.eight_bit_up_to}"), exact
    if settings.for_gpu:
        return (
            _because(_for_gpu(views, dim, lists, rows), "codes that a GPU can search"),
            eight,
            exact,
        )
    turned = [dim // 4] if dim >= TURNED_FROM and dim % 4 == 0 else []
    fours = [_four_bits(views, dim, codes) for codes in (*turned, _pairs(dim))]
    if settings.memory_bytes is not None and views * fours[0].own_bytes > settings.memory_bytes:
        why = f"codes in memory would take {views * fours[0].own_bytes} bytes"
        return _because(_mapped(views, dim, lists, rows), why), eight, exact
    fitting = [
        four for four in fours if views * four.own_bytes <= (settings.memory_bytes or math.inf)
    ]
    return (
        *(_because(four, f"four bits above {settings.eight_bit_up_to}") for four in fitting),
        eight,
        exact,
    )


def list_count(views: int) -> int:
    """4√n inverted lists, up to a fixed number for many and one for very many views; fewer where
    k-means would lack points. More than that at 200,000 views made queries that lie far from the
    views look into twice as many. In steps of a fifth, because only lists of the same number are
    taken over from the generation before.
    """
    wanted = LISTS_OF_VERY_MANY if views > VERY_MANY else min(4 * math.sqrt(views), LISTS_OF_MANY)
    affordable = max(1.0, min(wanted, views / POINTS_PER_CENTROID))
    return math.floor(2 ** (math.floor(STEPS * math.log2(affordable) + 1e-9) / STEPS))


def _head(lists: int) -> str:
    return f"IVF{lists}_HNSW32" if lists >= LISTS_OF_VERY_MANY else f"IVF{lists}"


def _four_bits(views: int, dim: int, codes: int) -> Plan:
    """So many codes of four bits. Where each stands for four components, a rotation before them
    spreads what they have to say evenly (Ge et al., Optimized Product Quantization, 2013): half
    the bytes to scan, and as much found.
    """
    lists, taken = list_count(views), math.ceil(codes / 2) + ID_BYTES
    turning = f"OPQ{codes}," if 4 * codes == dim else ""
    return Plan(
        "ivf_pq",
        f"{turning}{_head(lists)},PQ{codes}x4fs",
        lists,
        taken,
        2 * dim + 2 * ID_BYTES + taken,
        f"{views} views",
    )


def _for_gpu(views: int, dim: int, lists: int, rows: int) -> Plan:
    """Codes of residuals, kept view by view: what cuVS takes. Four bits where there are too few
    views for eight.
    """
    bits, codes = (
        (8, _quarters(dim)) if views >= POINTS_PER_CENTROID * BYTE_CENTROIDS else (4, _pairs(dim))
    )
    taken = math.ceil(bits * codes / 8) + ID_BYTES
    return Plan(
        "ivf_mapped", f"{_head(lists)},PQ{codes}x{bits}", lists, 0, rows + taken, f"{views} views"
    )


def _mapped(views: int, dim: int, lists: int, rows: int) -> Plan:
    """Codes of a byte are kept view by view, so FAISS maps them; those scanned in registers it
    has to copy.
    """
    if views < POINTS_PER_CENTROID * BYTE_CENTROIDS:
        return Plan(
            "ivf_mapped", f"{_head(lists)},SQ8", lists, 0, rows + dim + ID_BYTES, f"{views} views"
        )
    codes = _quarters(dim)
    return Plan(
        "ivf_mapped",
        f"{_head(lists)},PQ{codes}x8",
        lists,
        0,
        rows + codes + ID_BYTES,
        f"{views} views",
    )


def _pairs(dim: int) -> int:
    return dim // 2 if dim % 2 == 0 else dim


def _quarters(dim: int) -> int:
    return dim // 4 if dim % 4 == 0 else _pairs(dim)


def _because(plan: Plan, why: str) -> Plan:
    return Plan(
        plan.index_type,
        plan.factory,
        plan.lists,
        plan.own_bytes,
        plan.mapped_bytes,
        f"{plan.why}, {why}",
    )
