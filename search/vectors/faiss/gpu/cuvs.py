"""FAISS indexes of NVIDIA cuVS, each with a processor index that replaces it without a GPU.

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

SCRATCH_BYTES = 1 << 29
"""Scratch memory that FAISS reserves once on each GPU."""

MAX_FETCHED = 1024
"""Most rows that one query fetches from any of these indexes."""

search_lock = threading.Lock()
"""FAISS's scratch memory on a GPU serves one search at a time."""

_gpu_faiss = cast(Any, faiss)  # the type stubs lack GPUs and graphs


def is_supported(device: str) -> bool:
    """Return whether this build of FAISS can search on the device."""
    return torch.device(device).type != "cuda" or "NVIDIA_CUVS" in faiss.get_compile_options()


def copy_lists(device: str, lists: faiss.Index) -> faiss.Index:
    """Copy IVF-PQ lists (see `is_ivf_pq`) to the GPU; without one, return `lists` itself."""
    number = _gpu_number(device)
    if number is None:
        return lists
    options = _gpu_faiss.GpuClonerOptions()
    options.use_cuvs = True
    options.allowCpuCoarseQuantizer = True  # centres stored in an HNSW graph are only read out
    return cast(
        faiss.Index, _gpu_faiss.index_cpu_to_gpu(_resources(number), number, lists, options)
    )


def is_ivf_pq(lists: faiss.Index | None) -> bool:
    """Return whether cuVS can search these lists: codes of residuals, stored view by view."""
    return (
        isinstance(lists, faiss.IndexIVFPQ)
        and lists.by_residual
        and lists.pq.M * lists.pq.nbits % 8 == 0
    )


def build_graph(device: str, vectors: Vectors) -> faiss.Index:
    """Build a CAGRA graph over vectors (n, dim) on the GPU; without one, an HNSW index.

    The vectors are float32: with fp16 and inner products, cuVS hangs on some versions of CUDA
    (FAISS skips its own test of that).
    """
    number, dim = _gpu_number(device), vectors.shape[1]
    if number is None:
        hnsw = faiss.IndexHNSWFlat(dim, GRAPH_DEGREE // 2, faiss.METRIC_INNER_PRODUCT)
        hnsw.add(vectors)
        return hnsw
    config = _gpu_faiss.GpuIndexCagraConfig()
    config.device = number
    config.graph_degree = GRAPH_DEGREE
    config.intermediate_graph_degree = 2 * GRAPH_DEGREE
    graph = _gpu_faiss.GpuIndexCagra(_resources(number), dim, faiss.METRIC_INNER_PRODUCT, config)
    graph.train(vectors)
    return cast(faiss.Index, graph)


def graph_parameters(device: str, itopk: int) -> faiss.SearchParameters:
    """Return parameters of a graph search that keeps `itopk` candidates, at least those fetched."""
    if _gpu_number(device) is None:
        return cast(faiss.SearchParameters, _gpu_faiss.SearchParametersHNSW(efSearch=itopk))
    return cast(faiss.SearchParameters, _gpu_faiss.SearchParametersCagra(itopk_size=itopk))


def list_parameters(nprobe: int) -> faiss.SearchParameters:
    """Return parameters of a search in `nprobe` inverted lists. cuVS ignores row filters."""
    return cast(faiss.SearchParameters, _gpu_faiss.SearchParametersIVF(nprobe=nprobe))


def graph_bytes(views: int, dim: int) -> int:
    """Return the GPU memory for building a graph: vectors, graph, and the one it is pruned from."""
    return views * 4 * (dim + GRAPH_DEGREE + 2 * 2 * GRAPH_DEGREE)


def list_bytes(lists: faiss.Index) -> int:
    """Return the GPU memory of IVF-PQ lists, with the spare room that cuVS keeps in each."""
    inner = cast(Any, lists)
    taken: int = 6 * inner.ntotal * (inner.code_size + 8) // 5 + 8 * inner.nlist * inner.d
    return taken


def has_room(device: str, wanted: int) -> bool:
    """Return whether the GPU has so many bytes free, and some to search with."""
    if _gpu_number(device) is None:
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return wanted + 2 * SCRATCH_BYTES <= free


def _gpu_number(device: str) -> int | None:
    """Return FAISS's number of a GPU; None for the processor."""
    wanted = torch.device(device)
    if wanted.type != "cuda":
        return None
    return torch.cuda.current_device() if wanted.index is None else wanted.index


@functools.cache
def _resources(number: int) -> Any:
    resources = _gpu_faiss.StandardGpuResources()
    resources.setTempMemory(SCRATCH_BYTES)
    return resources
