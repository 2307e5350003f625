"""Open the index backend that the settings choose. All other code knows only the contract."""

from __future__ import annotations

import functools
import shutil
from typing import TYPE_CHECKING

from search.config import EngineSettings
from search.errors import ConfigError
from search.types import Space
from search.vectors.contract import IndexBuilder, IndexReader
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.gpu.contract import GpuSettings
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.generations import Generations
from search.vectors.index_types import IndexTypeSettings
from search.vectors.layout import Layout, index_root

if TYPE_CHECKING:
    from search.vectors.milvus.connection import Connection

SWAP_WAIT_SECONDS = 0.2
"""How long a swap waits for a new generation to open. Small ones are open by then and used at once;
larger ones open in the background, so that no request and no change waits."""


def open_index(settings: EngineSettings, space: Space) -> IndexReader:
    """Open a reader of the space, one per process.

    Raises ConfigError, and Unavailable when a server does not answer.
    """
    if settings.index_backend == "faiss":
        return FaissIndexReader(
            index_root(settings),
            space,
            swap_wait_seconds=SWAP_WAIT_SECONDS,
            gpu=_gpu_settings(settings),
            lock_memory=settings.index_lock_memory,
        )
    connection = _connect(settings)
    from search.vectors.milvus.reader import MilvusIndexReader

    return MilvusIndexReader(connection, space, tenant=settings.tenant)


def make_builder(settings: EngineSettings, space: Space) -> IndexBuilder:
    """Return a builder of the space's generations. Raises ConfigError, Unavailable."""
    if settings.index_backend == "faiss":
        return FaissIndexBuilder(
            index_root(settings), space, index_types=IndexTypeSettings.from_settings(settings)
        )
    connection = _connect(settings)
    from search.vectors.milvus.builder import MilvusIndexBuilder

    return MilvusIndexBuilder(
        connection,
        Layout.of(index_root(settings) / "milvus", space),
        space,
        tenant=settings.tenant,
        index_type=settings.milvus_index_type,
        recall_target=settings.recall_target,
    )


def open_generations(settings: EngineSettings, space: Space) -> Generations:
    """Return the space's published generations. Raises ConfigError, Unavailable."""
    if settings.index_backend == "faiss":
        return FaissGenerations(index_root(settings), space)
    connection = _connect(settings)
    from search.vectors.milvus.generations import MilvusGenerations

    return MilvusGenerations(connection, space, tenant=settings.tenant)


def delete_index(settings: EngineSettings, fingerprint: str) -> None:
    """Delete every generation of a space that is no longer used.

    Raises ConfigError, Unavailable.
    """
    if settings.index_backend == "faiss":
        shutil.rmtree(index_root(settings) / fingerprint, ignore_errors=True)
        return
    connection = _connect(settings)
    from search.vectors.milvus.generations import delete_space

    delete_space(connection, fingerprint, settings.tenant)


def _gpu_settings(settings: EngineSettings) -> GpuSettings | None:
    """Return how to search on a GPU; None where the processor searches.

    Raises ConfigError when there is no GPU, or FAISS cannot use it.
    """
    if settings.index_device == "cpu":
        return None
    import torch  # takes seconds, and few readers have a GPU

    if not torch.cuda.is_available():
        raise ConfigError(
            "vectors are to be searched on a GPU, but torch finds none",
            value=settings.index_device,
            fix="Set OMNISHELF_INDEX_DEVICE=cpu, or install the driver and torch's CUDA build.",
        )
    gpu = GpuSettings(settings.index_device, settings.index_gpu_shape, settings.recall_target)
    from search.vectors.faiss.gpu.cuvs import is_supported

    if gpu.index_type in ("ivf_pq", "cagra") and not is_supported(gpu.device):
        raise ConfigError(
            "vectors are to be searched by cuVS, but this build of FAISS lacks it",
            value=gpu.index_type,
            fix="pip install -r requirements-gpu.txt, or set OMNISHELF_INDEX_GPU_SHAPE=exact.",
        )
    return gpu


def _connect(settings: EngineSettings) -> Connection:
    if not settings.milvus_uri:
        raise ConfigError(
            "the index backend is milvus, but no address is set", fix="Set OMNISHELF_MILVUS_URI."
        )
    return connect_milvus(settings.milvus_uri, settings.milvus_token.get_secret_value())


@functools.cache
def connect_milvus(uri: str, token: str) -> Connection:
    """Return the process's connection to a server. Raises ConfigError, Unavailable."""
    try:
        from search.vectors.milvus.connection import Connection
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the index backend is milvus, but its client is not installed",
            value=error.name,
            fix="pip install -r requirements-milvus.txt",
        ) from error
    return Connection(uri, token)
