"""FAISS's indexes of NVIDIA cuVS, and on a machine without a GPU what stands in for each: same
calls, same answers.

Source of the graph: Ootomo et al., CAGRA: Highly Parallel Graph Construction and Approximate
Nearest Neighbor Search for GPUs (2023).
"""

from __future__ import annotations

import functools
import threading
from typing import Any, cast

import faiss
import torch

from search.types import Vectors

GRAPH_DEGREE = 64
"""Neighbours of a view in the graph: CAGRA's own default."""

TEMPORARY_BYTES = 1 << 29
"""Scratch memory that FAISS sets aside once on each GPU."""

MOST_FETCHED = 1024
"""Rows of one query that any of these indexes is asked for."""

one_at_a_time = threading.Lock()
"""FAISS's scratch memory of a GPU serves one search at a time."""

_gpu_faiss = cast(Any, faiss)  # the type stubs know neither GPUs nor graphs


def is_supported(device: str) -> bool:
    """Whether this build of FAISS can search there."""
    return torch.device(device).type != "cuda" or "NVIDIA_CUVS" in faiss.get_compile_options()


def lists_on(device: str, lists: faiss.Index) -> faiss.Index:
    """IVF-PQ lists (see `is_ivf_pq`) copied to the GPU; `lists` itself stands in."""
    number = _number(device)
    if number is None:
        return lists
    options = _gpu_faiss.GpuClonerOptions()
    options.use_cuvs = True
    options.allowCpuCoarseQuantizer = True  # centres that lie in a graph are only read out
    return cast(
        faiss.Index, _gpu_faiss.index_cpu_to_gpu(_resources(number), number, lists, options)
    )


def is_ivf_pq(lists: faiss.Index | None) -> bool:
    """Whether cuVS can take these lists: codes of residuals that are kept view by view."""
    return (
        isinstance(lists, faiss.IndexIVFPQ)
        and lists.by_residual
        and lists.pq.M * lists.pq.nbits % 8 == 0
    )


def graph_on(device: str, vectors: Vectors) -> faiss.Index:
    """A CAGRA graph over vectors (n, dim), built on the GPU, float32 there: with fp16 vectors
    and inner products, cuVS hangs on some versions of CUDA (FAISS skips its own test of that).
    HNSW stands in.
    """
    number, dim = _number(device), vectors.shape[1]
    if number is None:
        hnsw = faiss.IndexHNSWFlat(dim, GRAPH_DEGREE // 2, faiss.METRIC_INNER_PRODUCT)
        hnsw.add(vectors)
        return hnsw
    config = _gpu_faiss.GpuIndexCagraConfig()
    config.device, config.graph_degree, config.intermediate_graph_degree = (
        number,
        GRAPH_DEGREE,
        2 * GRAPH_DEGREE,
    )
    graph = _gpu_faiss.GpuIndexCagra(_resources(number), dim, faiss.METRIC_INNER_PRODUCT, config)
    graph.train(vectors)
    return cast(faiss.Index, graph)


def graph_parameters(device: str, itopk: int) -> faiss.SearchParameters:
    """Of a search in the graph that keeps so many candidates at a time, at least as many as are
    fetched.
    """
    if _number(device) is None:
        return cast(faiss.SearchParameters, _gpu_faiss.SearchParametersHNSW(efSearch=itopk))
    return cast(faiss.SearchParameters, _gpu_faiss.SearchParametersCagra(itopk_size=itopk))


def graph_bytes(views: int, dim: int) -> int:
    """Memory of the GPU that building a graph takes: the vectors, the graph, and the larger one
    it is pruned from.
    """
    return views * 4 * (dim + GRAPH_DEGREE + 2 * 2 * GRAPH_DEGREE)


def list_bytes(lists: faiss.Index) -> int:
    """Memory of the GPU that IVF-PQ lists take, the room that cuVS leaves at the end of each
    included.
    """
    inside = cast(Any, lists)
    taken: int = 6 * inside.ntotal * (inside.code_size + 8) // 5 + 8 * inside.nlist * inside.d
    return taken


def has_room(device: str, wanted: int) -> bool:
    """Whether so many bytes are free on the GPU, and some to search with."""
    if _number(device) is None:
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return wanted + 2 * TEMPORARY_BYTES <= free


def _number(device: str) -> int | None:
    """FAISS's number of a GPU; None for the processor."""
    wanted = torch.device(device)
    if wanted.type != "cuda":
        return None
    return torch.cuda.current_device() if wanted.index is None else wanted.index


@functools.cache
def _resources(number: int) -> Any:
    resources = _gpu_faiss.StandardGpuResources()
    resources.setTempMemory(TEMPORARY_BYTES)
    return resources
