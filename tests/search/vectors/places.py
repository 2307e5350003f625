"""Every backend and index type that the contract is tested on."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from milvus_lite.server_manager import server_manager_instance

from search.types import Space
from search.vectors.contract import IndexBuilder, IndexReader
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.gpu.contract import GpuSettings
from search.vectors.faiss.gpu.cuvs import is_supported
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import IndexTypeSettings
from search.vectors.layout import Layout
from search.vectors.milvus.builder import MilvusIndexBuilder
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.generations import MilvusGenerations
from search.vectors.milvus.reader import MilvusIndexReader
from tests.search.vectors.reference import make_space

SPACE = make_space()

INDEX_TYPES = {
    "exact": IndexTypeSettings(exact_up_to=5_000),
    "ivf_sq8": IndexTypeSettings(exact_up_to=0, eight_bit_up_to=5_000),
    "ivf_pq": IndexTypeSettings(exact_up_to=0),
    "ivf_mapped": IndexTypeSettings(exact_up_to=0, memory_bytes=0),
}
FOR_GPU = IndexTypeSettings(exact_up_to=0, for_gpu=True)


class Place(Protocol):
    @property
    def index_type(self) -> str:
        """The index type in the segments' manifests."""

    @property
    def exact(self) -> bool:
        """Whether every answer is exact."""

    def reader(self) -> IndexReader: ...

    def builder(self) -> IndexBuilder: ...

    def borrow(self, scratch: Path) -> contextlib.AbstractContextManager[Place]:
        """Lend the place to one test, which may publish."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class FaissPlace:
    root: Path
    index_type: str
    space: Space = SPACE
    gpu: GpuSettings | None = None

    @property
    def exact(self) -> bool:
        return self.index_type == "exact" or (
            self.gpu is not None and self.gpu.index_type == "exact"
        )

    def reader(self) -> FaissIndexReader:
        return FaissIndexReader(self.root, self.space, gpu=self.gpu)

    def builder(self) -> FaissIndexBuilder:
        for_gpu = self.gpu is not None and self.gpu.index_type == "ivf_pq"
        return FaissIndexBuilder(
            self.root, self.space, index_types=FOR_GPU if for_gpu else INDEX_TYPES[self.index_type]
        )

    @contextlib.contextmanager
    def borrow(self, scratch: Path) -> Iterator[FaissPlace]:
        shutil.copytree(self.root, scratch, dirs_exist_ok=True)
        yield replace(self, root=scratch)

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True)
class MilvusPlace:
    """milvus-lite in a file, with its exact index: it has no product quantiser."""

    root: Path
    connection: Connection
    space: Space = SPACE
    index_type: str = "exact"
    exact: bool = True

    @classmethod
    def at(cls, root: Path) -> MilvusPlace:
        return cls(root, Connection(str(root / "milvus.db")))

    def reader(self) -> MilvusIndexReader:
        return MilvusIndexReader(self.connection, self.space)

    def builder(self) -> MilvusIndexBuilder:
        return MilvusIndexBuilder(self.connection, Layout(self.root / "lock"), self.space)

    @contextlib.contextmanager
    def borrow(self, scratch: Path) -> Iterator[MilvusPlace]:
        generations = MilvusGenerations(self.connection, self.space)
        before = generations.get_live().number
        yield self
        if generations.get_live().number != before:
            generations.rollback(before)

    def close(self) -> None:
        stop_lite(self.connection)


def stop_lite(connection: Connection) -> None:
    """Stop the server that milvus-lite runs in this process for a file."""
    connection.close()
    server_manager_instance.release_server(connection.uri)


def _faiss(index_type: str) -> Callable[[Path], Place]:
    return lambda root: FaissPlace(root, index_type)


DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CUVS_DEVICE = DEVICE if is_supported(DEVICE) else "cpu"
"""The same code runs on the processor and on a GPU. The contract is tested on a GPU where there is
one that FAISS supports."""

ON_GPU = {
    "exact": GpuSettings(DEVICE, "exact"),
    "ivf_pq": GpuSettings(CUVS_DEVICE, "ivf_pq"),
    "cagra": GpuSettings(CUVS_DEVICE, "cagra"),
}

PLACES: Mapping[str, Callable[[Path], Place]] = {
    **{index_type: _faiss(index_type) for index_type in INDEX_TYPES},
    "gpu": lambda root: FaissPlace(root, "ivf_pq", gpu=ON_GPU["exact"]),
    "gpu_ivf_pq": lambda root: FaissPlace(root, "ivf_mapped", gpu=ON_GPU["ivf_pq"]),
    "gpu_cagra": lambda root: FaissPlace(root, "ivf_pq", gpu=ON_GPU["cagra"]),
    "milvus": MilvusPlace.at,
}
