"""The embeddings database of txtai, with external vectors."""

from __future__ import annotations

from typing import Any

import faiss

from search.cpu import available_cores
from search.types import Ids, Modality, Vectors
from tools.bench.index.engines.base import Engine, Ladder, Setting, pad_rows, parameter_ladder


class Txtai(Engine):
    """The default index of txtai."""

    name = "txtai"
    package = "txtai"
    module = "txtai"
    licence = "Apache-2.0"

    def about(self) -> str:
        return "its own choice of FAISS index"

    def build(self) -> None:
        from txtai import Embeddings

        faiss.omp_set_num_threads(available_cores())
        embeddings = Embeddings(method="external", transform=_identity, content=False)
        embeddings.index(
            (row, vector, None)
            for start, block in self.dataset.blocks()
            for row, vector in enumerate(block, start)
        )
        embeddings.save(str(self.folder / "txtai"))

    def open(self) -> None:
        from txtai import Embeddings

        self._embeddings = Embeddings()
        self._embeddings.load(str(self.folder / "txtai"), config={"transform": _identity})

    def use_threads(self, threads: int) -> None:
        faiss.omp_set_num_threads(threads)

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("nprobe")]

    def apply(self, setting: Setting) -> None:
        self._embeddings.ann.config["faiss"] = setting

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return self._embeddings.batchsearch(list(queries), k)

    def rows(self, answer: Any, k: int) -> Ids:
        return pad_rows([[row for row, _ in hits] for hits in answer], k)


def _identity(vectors: list[Vectors]) -> list[Vectors]:
    return vectors
