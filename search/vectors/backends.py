"""Which index backend the settings choose. Everything else knows only the contract."""

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
from search.vectors.faiss.gpu.contract import Gpu
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.generations import Generations
from search.vectors.index_types import IndexTypeSettings
from search.vectors.layout import Layout, index_root

if TYPE_CHECKING:
    from search.vectors.milvus.connection import Connection

PATIENCE_S = 0.2
"""Small generations are open by then and in use at once; for larger ones no request, and no
change, waits."""


def open_index(settings: EngineSettings, space: Space) -> IndexReader:
    """A reader of the space. Raises ConfigError; Unavailable when a server is away. Open one per
    process.
    """
    if settings.index_backend == "faiss":
        return FaissIndexReader(
            index_root(settings),
            space,
            patience_s=PATIENCE_S,
            gpu=_gpu(settings),
            lock_memory=settings.index_lock_memory,
        )
    connection = _connection(settings)
    from search.vectors.milvus.reader import MilvusIndexReader

    return MilvusIndexReader(connection, space, tenant=settings.tenant)


def _gpu(settings: EngineSettings) -> Gpu | None:
    if settings.index_device == "cpu":
        return None
    import torch

    if not torch.cuda.is_available():
        raise ConfigError(
            "vectors are to be searched on a GPU, but torch finds none",
            value=settings.index_device,
            fix="Set OMNISHELF_INDEX_DEVICE=cpu, or install the driver and torch's CUDA build.",
        )
    gpu = Gpu(settings.index_device, settings.index_gpu_shape, settings.recall_target)
    from search.vectors.faiss.gpu.cuvs import is_supported

    if gpu.shape in ("ivf_pq", "cagra") and not is_supported(gpu.device):
        raise ConfigError(
            "vectors are to be searched by cuVS, but this build of FAISS has none",
            value=gpu.shape,
            fix="pip install -r requirements-gpu.txt, or set OMNISHELF_INDEX_GPU_SHAPE=exact.",
        )
    return gpu


def make_builder(settings: EngineSettings, space: Space) -> IndexBuilder:
    """A builder of the space's generations. Raises ConfigError, Unavailable."""
    if settings.index_backend == "faiss":
        return FaissIndexBuilder(
            index_root(settings), space, index_types=IndexTypeSettings.of(settings)
        )
    connection = _connection(settings)
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
    """The space's published generations. Raises ConfigError, Unavailable."""
    if settings.index_backend == "faiss":
        return FaissGenerations(index_root(settings), space)
    connection = _connection(settings)
    from search.vectors.milvus.generations import MilvusGenerations

    return MilvusGenerations(connection, space, tenant=settings.tenant)


def delete_index(settings: EngineSettings, fingerprint: str) -> None:
    """Remove every generation of a space that is not in use any more. Raises ConfigError,
    Unavailable.
    """
    if settings.index_backend == "faiss":
        shutil.rmtree(index_root(settings) / fingerprint, ignore_errors=True)
        return
    connection = _connection(settings)
    from search.vectors.milvus.generations import delete_space

    delete_space(connection, fingerprint, settings.tenant)


def _connection(settings: EngineSettings) -> Connection:
    if not settings.milvus_uri:
        raise ConfigError(
            "the index backend is milvus, but there is no address", fix="Set OMNISHELF_MILVUS_URI."
        )
    return _connected(settings.milvus_uri, settings.milvus_token.get_secret_value())


@functools.cache
def _connected(uri: str, token: str) -> Connection:
    try:
        from search.vectors.milvus.connection import Connection
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the index backend is milvus, but its client is not installed",
            value=error.name,
            fix="pip install -r requirements-milvus.txt",
        ) from error
    return Connection(uri, token)
