"""Graph libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from search.cpu import available_cores
from search.types import Ids, Modality, Vectors
from tools.bench.index.engines.base import Engine, Ladder, Setting, parameter_ladder

NEIGHBOURS = 32


class Hnswlib(Engine):
    """The HNSW graph of hnswlib."""

    name = "hnswlib"
    package = "hnswlib"
    module = "hnswlib"
    licence = "Apache-2.0"

    def about(self) -> str:
        return f"M {NEIGHBOURS}, ef_construction 200"

    def build(self) -> None:
        index = self._empty()
        index.init_index(
            max_elements=self.dataset.spec.rows, M=NEIGHBOURS, ef_construction=200, random_seed=4
        )
        for start, block in self.dataset.blocks():
            index.add_items(
                block, np.arange(start, start + len(block)), num_threads=available_cores()
            )
        index.save_index(str(self.folder / "index.hnswlib"))

    def _empty(self) -> Any:
        import hnswlib

        return hnswlib.Index(space="ip", dim=self.dataset.spec.dim)

    def open(self) -> None:
        self._index = self._empty()
        self._index.load_index(str(self.folder / "index.hnswlib"))

    def use_threads(self, threads: int) -> None:
        self._index.set_num_threads(threads)

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("ef", minimum=12)]

    def apply(self, setting: Setting) -> None:
        self._index.set_ef(setting["ef"])

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return self._index.knn_query(queries, k)

    def rows(self, answer: Any, k: int) -> Ids:
        rows: Ids = answer[0].astype(np.int64)
        return rows


class Usearch(Engine):
    """The HNSW graph of usearch, with fp16 vectors."""

    name = "usearch f16"
    package = "usearch"
    module = "usearch.index"
    licence = "Apache-2.0"

    def about(self) -> str:
        return f"connectivity {NEIGHBOURS}, expansion_add 128, f16"

    def build(self) -> None:
        from usearch.index import Index

        index = Index(
            ndim=self.dataset.spec.dim,
            metric="ip",
            dtype="f16",
            connectivity=NEIGHBOURS,
            expansion_add=128,
        )
        for start, block in self.dataset.blocks():
            index.add(np.arange(start, start + len(block)), block, threads=available_cores())
        index.save(self.folder / "index.usearch")

    def open(self) -> None:
        from usearch.index import Index

        self._index = Index.restore(self.folder / "index.usearch")
        self._threads = 1

    def use_threads(self, threads: int) -> None:
        self._threads = threads

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("expansion_search", minimum=8)]

    def apply(self, setting: Setting) -> None:
        self._index.expansion_search = setting["expansion_search"]

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return self._index.search(queries, k, threads=self._threads)

    def rows(self, answer: Any, k: int) -> Ids:
        return np.atleast_2d(answer.keys).astype(np.int64)
