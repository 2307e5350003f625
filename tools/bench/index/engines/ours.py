"""Our own index as in a serving process: with database ids, a delta and masked views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from search.config import GpuIndexType
from search.errors import ConfigError
from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.gpu.contract import GpuSettings
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import IndexTypeSettings
from tools.bench.index.data import TUNING, VIEWS_PER_PRODUCT
from tools.bench.index.engines.base import Engine, EngineUnavailable

CHANGED = 500
"""Number of views with a wrong vector in the generation and the right one in the delta. As many
copies of other views are in the generation and removed by the delta. The searchable views are
exactly the dataset."""

VIEW_STEP, PRODUCT_STEP, TEXT_VIEWS = 7, 3, 1 << 40
"""Database ids are neither dense nor row numbers; those of titles are above all others."""

SEQ_BUILT, SEQ_REFRESHED = 1, 2
TARGET = 0.95


class Ours(Engine):
    """Our index on the CPU."""

    name = "omnishelf"
    licence = "MIT"
    on_gpu: ClassVar[GpuIndexType | None] = None

    @classmethod
    def version(cls) -> str:
        return f"this, on faiss {faiss.__version__}"

    def about(self) -> str:
        (pictures,) = (
            part for part in self._index.status().segments if part.modality is Modality.PICTURE
        )
        where = f"on the GPU {pictures.gpu_index_type}, " if pictures.gpu_index_type else ""
        held = "locked in memory" if self._locked else "not locked in memory: see ulimit -l"
        return f"{where}{pictures.index_type}: {pictures.why}; {held}"

    @property
    def _space(self) -> Space:
        return Space(
            "bench", "be" * 8, self.dataset.spec.dim, frozenset({Modality.PICTURE, Modality.TEXT})
        )

    def build(self) -> None:
        settings = IndexTypeSettings(recall_target=TARGET, for_gpu=self.on_gpu == "ivf_pq")
        FaissIndexBuilder(self.folder, self._space, index_types=settings).build(
            self._stream(), SEQ_BUILT
        )
        changed = self.changed_rows
        np.savez(
            self.folder / "changes.npz",
            rows=changed,
            vectors=self.dataset.stored[changed].astype(np.float32),
        )

    @property
    def changed_rows(self) -> Ids:
        """Rows in the delta: whole products, evenly spaced."""
        return _spread_products(self.dataset.spec.rows, min(CHANGED, self.dataset.spec.rows // 10))

    @property
    def removed_rows(self) -> Ids:
        """Rows whose copies are removed; a copy that is still found would displace its original."""
        return (self.changed_rows + VIEWS_PER_PRODUCT) % self.dataset.spec.rows

    def _stream(self) -> Iterator[ViewBatch]:
        changed, spec = self.changed_rows, self.dataset.spec
        wrong = self.dataset.stored[changed[::-1]].astype(np.float32)
        for start, block in self.dataset.blocks():
            here = (changed >= start) & (changed < start + len(block))
            block[changed[here] - start] = wrong[here]
            yield _pictures(np.arange(start, start + len(block)), block)
        copies = np.arange(len(self.removed_rows)) + _round_to_product(spec.rows)
        yield _pictures(copies, self.dataset.stored[self.removed_rows].astype(np.float32))
        titles = self.dataset.queries(Modality.TEXT, TUNING)
        numbers = np.arange(len(titles))
        yield ViewBatch(
            Modality.TEXT, numbers + TEXT_VIEWS, _product(numbers * VIEWS_PER_PRODUCT), titles
        )

    def open(self) -> None:
        self._opened: dict[int, FaissIndexReader] = {}
        self._locked = True
        self.use_threads(1)

    def _open(self, threads: int) -> FaissIndexReader:
        gpu = None if self.on_gpu is None else GpuSettings("cuda", self.on_gpu, TARGET)
        try:
            index = FaissIndexReader(
                self.folder, self._space, threads=threads, gpu=gpu, lock_memory=self._locked
            )
        except ConfigError:
            self._locked = False
            index = FaissIndexReader(self.folder, self._space, threads=threads, gpu=gpu)
        index.refresh(self._changes(), SEQ_REFRESHED)
        return index

    def _changes(self) -> Iterable[ProductViews]:
        with np.load(self.folder / "changes.npz") as changes:
            rows, vectors = changes["rows"], changes["vectors"]
        for at in range(0, len(rows), VIEWS_PER_PRODUCT):
            views = _pictures(
                rows[at : at + VIEWS_PER_PRODUCT], vectors[at : at + VIEWS_PER_PRODUCT]
            )
            yield ProductViews(int(views.product_ids[0]), SEQ_REFRESHED, (views,))
        for copy in range(0, len(rows), VIEWS_PER_PRODUCT):
            yield ProductViews(
                int(_product(np.array([_round_to_product(self.dataset.spec.rows) + copy]))[0]),
                SEQ_REFRESHED,
            )

    def use_threads(self, threads: int) -> None:
        # As in a serving process (OMP_NUM_THREADS): idle threads of numpy's BLAS spin on the cores
        # that FAISS uses.
        threadpool_limits(1, "blas")
        if threads not in self._opened:
            self._opened[threads] = self._open(threads)
        self._index = self._opened[threads]

    def search(self, queries: Vectors, k: int, kind: Modality) -> list[Candidates]:
        return self._index.search(queries, Modality.PICTURE, k, query_modality=kind)

    def search_filtered(
        self, queries: Vectors, k: int, kind: Modality, product_ids: Ids
    ) -> list[Candidates]:
        """Search among products with these ids."""
        return self._index.search(queries, Modality.PICTURE, k, product_ids, query_modality=kind)

    def rows(self, answer: Any, k: int) -> Ids:
        rows = np.full((len(answer), k), -1, np.int64)
        for number, candidates in enumerate(answer):
            rows[number, : len(candidates.view_ids)] = candidates.view_ids // VIEW_STEP - 1
        return rows


class OursOnGpu(Ours):
    """Our index on a GPU that scans all vectors."""

    name = "omnishelf cuda"
    module = "torch"
    on_gpu: ClassVar[GpuIndexType | None] = "exact"

    @classmethod
    def version(cls) -> str:
        """Return the version; raise EngineUnavailable without a GPU or a FAISS that supports it."""
        import torch

        from search.vectors.faiss.gpu.cuvs import is_supported

        if not torch.cuda.is_available():
            raise EngineUnavailable("torch finds no GPU")
        if cls.on_gpu != "exact" and not is_supported("cuda"):
            raise EngineUnavailable(
                "this build of FAISS has no cuVS: pip install -r requirements-gpu.txt"
            )
        return f"{super().version()}, torch {torch.__version__}"


class OursOnGpuIvfPq(OursOnGpu):
    """Our index on a GPU with IVF-PQ lists of cuVS."""

    name = "omnishelf cuda ivf-pq"
    on_gpu = "ivf_pq"


class OursOnGpuCagra(OursOnGpu):
    """Our index on a GPU with a CAGRA graph of cuVS."""

    name = "omnishelf cuda cagra"
    on_gpu = "cagra"


def _pictures(rows: Ids, vectors: Vectors) -> ViewBatch:
    return ViewBatch(Modality.PICTURE, (rows + 1) * VIEW_STEP, _product(rows), vectors)


def product_ids(products: Ids) -> Ids:
    """Return the database ids of products of the dataset, in the same order."""
    return (products + 1) * PRODUCT_STEP


def _product(rows: Ids) -> Ids:
    return product_ids(rows // VIEWS_PER_PRODUCT)


def _round_to_product(rows: int) -> int:
    """Return the first row after the last product."""
    return -(-rows // VIEWS_PER_PRODUCT) * VIEWS_PER_PRODUCT


def _spread_products(rows: int, views: int) -> Ids:
    firsts = np.linspace(
        0, rows // VIEWS_PER_PRODUCT - 1, max(1, views // VIEWS_PER_PRODUCT)
    ).astype(np.int64)
    return (firsts[:, np.newaxis] * VIEWS_PER_PRODUCT + np.arange(VIEWS_PER_PRODUCT)).ravel()
