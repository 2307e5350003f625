"""FAISS's own indexes, loaded into memory and searched directly."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, cast

import faiss

from search.cpu import available_cores
from search.types import Ids, Modality, Vectors
from search.vectors.faiss.training import shorten_rotation_training
from tools.bench.index.engines.base import FACTORS, Engine, Ladder, Setting, parameter_ladder

_faiss: Any = faiss
"""The stubs of FAISS do not know the keyword arguments of search parameters."""

SAMPLES_PER_LIST = 64


class RawFaiss(Engine):
    """An index of FAISS's factory with row numbers as ids."""

    licence = "MIT"

    @classmethod
    def version(cls) -> str:
        # The CPU and the GPU build are different packages of the same module.
        return str(faiss.__version__)

    def about(self) -> str:
        return self.factory()

    @abstractmethod
    def factory(self) -> str:
        """Return the FAISS factory string."""

    def build(self) -> None:
        index = faiss.index_factory(
            self.dataset.spec.dim, self.factory(), faiss.METRIC_INNER_PRODUCT
        )
        faiss.omp_set_num_threads(available_cores())
        if not index.is_trained:
            self.train(index)
        for _, block in self.dataset.blocks():
            index.add(block)
        faiss.write_index(index, str(self.folder / "index.faiss"))

    def train(self, index: faiss.Index) -> None:
        """Train on a sample of the dataset."""
        index.train(self.dataset.sample(SAMPLES_PER_LIST * self.lists))

    def open(self) -> None:
        self._index = faiss.read_index(str(self.folder / "index.faiss"))
        self._parameters: faiss.SearchParameters | None = None

    def use_threads(self, threads: int) -> None:
        faiss.omp_set_num_threads(threads)

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return self._index.search(queries, k, params=self._parameters)

    def rows(self, answer: Any, k: int) -> Ids:
        rows: Ids = answer[1]
        return rows


class Flat(RawFaiss):
    """Exact search."""

    name = "faiss Flat"

    def factory(self) -> str:
        return "Flat"


class ScalarQuantised(RawFaiss):
    """Inverted lists of 8-bit scalar codes."""

    name = "faiss IVF-SQ8"

    def factory(self) -> str:
        return f"IVF{self.lists},SQ8"

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("nprobe", maximum=self.lists)]

    def apply(self, setting: Setting) -> None:
        self._parameters = _faiss.SearchParametersIVF(**setting)


class _ProductQuantised(RawFaiss):
    """4-bit fast-scan codes of two dimensions each, re-scored from a second set of codes."""

    refine: ClassVar[str]

    def factory(self) -> str:
        return f"IVF{self.lists},PQ{self.dataset.spec.dim // 2}x4fs,Refine({self.refine})"

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("nprobe", maximum=self.lists, factor=factor) for factor in FACTORS]

    def apply(self, setting: Setting) -> None:
        lists = _faiss.SearchParametersIVF(nprobe=setting["nprobe"])
        self._parameters = _faiss.IndexRefineSearchParameters(
            k_factor=setting["factor"], base_index_params=lists
        )


class ProductQuantisedSq8(_ProductQuantised):
    """Re-scored from 8-bit scalar codes."""

    name = "faiss IVF-PQ+SQ8"
    refine = "SQ8"


class ProductQuantisedFp16(_ProductQuantised):
    """Re-scored from fp16 vectors."""

    name = "faiss IVF-PQ+fp16"
    refine = "SQfp16"


class _RotatedProductQuantised(_ProductQuantised):
    """Codes of rotated vectors."""

    def apply(self, setting: Setting) -> None:
        lists = _faiss.SearchParametersIVF(nprobe=setting["nprobe"])
        rotated = _faiss.SearchParametersPreTransform(index_params=lists)
        self._parameters = _faiss.IndexRefineSearchParameters(
            k_factor=setting["factor"], base_index_params=rotated
        )


class RaBitQ(_RotatedProductQuantised):
    """One bit per dimension after a random rotation (Gao, Long: RaBitQ, 2024), re-scored."""

    name = "faiss RaBitQ+fp16"

    def factory(self) -> str:
        return f"RR{self.dataset.spec.dim},IVF{self.lists},RaBitQfs,Refine(SQfp16)"


class OptimisedProductQuantised(_RotatedProductQuantised):
    """4-bit codes of four dimensions each after a learned rotation, as in our index, re-scored."""

    name = "faiss OPQ+fp16"

    def factory(self) -> str:
        codes = self.dataset.spec.dim // 4
        return f"OPQ{codes},IVF{self.lists},PQ{codes}x4fs,Refine(SQfp16)"

    def train(self, index: faiss.Index) -> None:
        # FAISS keeps a raw pointer to these codes during the training.
        code = shorten_rotation_training(faiss.downcast_index(cast(Any, index).base_index))
        super().train(index)
        del code


class Hnsw(RawFaiss):
    """A graph with 32 neighbours."""

    name = "faiss HNSW32"

    def factory(self) -> str:
        return "HNSW32"

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("efSearch", minimum=8)]

    def apply(self, setting: Setting) -> None:
        self._parameters = _faiss.SearchParametersHNSW(**setting)


RAW_FAISS: tuple[type[RawFaiss], ...] = (
    Flat,
    ScalarQuantised,
    ProductQuantisedSq8,
    ProductQuantisedFp16,
    OptimisedProductQuantised,
    RaBitQ,
    Hnsw,
)
