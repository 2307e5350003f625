"""Vectors with the structure of real embeddings, two sets of queries, and their exact answers.

Picture-like queries have the distribution of the vectors. Text-like queries lie across a modality
gap, as texts do in a joint space (Liang et al. 2022, "Mind the Gap"): a constant offset, and noise
within the cluster.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from search.types import Ids, Modality, Vectors

K = 10
BLOCK = 1 << 15
FAMILIES, GROUPS = 16, 12
"""Clusters form groups and groups form families, like the categories of a shop."""

SPREADS = (1.0, 0.8, 0.7)
"""Distance of families, of groups within a family, and of clusters within a group."""

ROWS_PER_CLUSTER = 200
"""The mean; sizes are log-normal, so that inverted lists fit some clusters, as in a real shop."""

SUBSPACE = 64
VIEWS_PER_PRODUCT = 2

TUNING = "tuned"
HELD_OUT = "held"
QUERY_SETS = (TUNING, HELD_OUT)
KINDS = (Modality.TEXT, Modality.PICTURE)


@dataclass(frozen=True, slots=True)
class Spec:
    """Size of a dataset: `queries` of each kind for tuning, and as many held out for figures."""

    rows: int = 500_000
    dim: int = 512
    queries: int = 1000
    seed: int = 4


@dataclass(frozen=True, slots=True)
class Geometry:
    """Parameters of the distribution.

    Centres (clusters, dim), share of the views of each (clusters,), axes of a subspace (s, dim) of
    decreasing length, and the modality gap (1, dim).
    """

    centres: Vectors
    shares: npt.NDArray[np.float64]
    subspace: Vectors
    gap: Vectors

    @classmethod
    def draw(cls, spec: Spec) -> Geometry:
        rng = np.random.default_rng((spec.seed, 0))
        clusters = max(2, spec.rows // ROWS_PER_CLUSTER)
        sizes = rng.lognormal(size=clusters)
        basis, _ = np.linalg.qr(rng.standard_normal((spec.dim, min(SUBSPACE, spec.dim))))
        axes = basis.T / np.sqrt(np.arange(1, basis.shape[1] + 1))[:, np.newaxis]
        return cls(
            centres=_tree(rng, clusters, spec.dim),
            shares=sizes / sizes.sum(),
            subspace=np.ascontiguousarray(axes, np.float32),
            gap=_unit(_normal(rng, 1, spec.dim)),
        )

    def clusters(self, rng: np.random.Generator, count: int) -> Ids:
        """Draw clusters with a probability proportional to their size."""
        return rng.choice(len(self.centres), size=count, p=self.shares)

    def vectors(self, rng: np.random.Generator, clusters: Ids) -> Vectors:
        """Draw one vector of each of these clusters."""
        return _unit(
            self.centres[clusters]
            + 1.2 * self._inside(rng, len(clusters))
            + 0.3 * self._noise(rng, clusters)
        )

    def texts(self, rng: np.random.Generator, clusters: Ids) -> Vectors:
        """Draw one text-like query for each of these clusters."""
        aimed = 0.6 * self.vectors(rng, clusters) + 0.8 * self._inside(rng, len(clusters))
        return _unit(aimed + 0.7 * self.gap + 0.3 * self._noise(rng, clusters))

    def _inside(self, rng: np.random.Generator, count: int) -> Vectors:
        return _unit(_normal(rng, count, len(self.subspace)) @ self.subspace)

    def _noise(self, rng: np.random.Generator, clusters: Ids) -> Vectors:
        return _unit(_normal(rng, len(clusters), self.centres.shape[1]))


def _tree(rng: np.random.Generator, clusters: int, dim: int) -> Vectors:
    """Draw centres, (clusters, dim): family + group + the cluster's own direction."""
    group = rng.integers(FAMILIES * GROUPS, size=clusters)
    parts = [_unit(_normal(rng, count, dim)) for count in (FAMILIES, FAMILIES * GROUPS, clusters)]
    rows = (group // GROUPS, group, np.arange(clusters))
    total = sum(spread * part[row] for spread, part, row in zip(SPREADS, parts, rows, strict=True))
    return np.asarray(total / np.linalg.norm(SPREADS), np.float32)


def _normal(rng: np.random.Generator, rows: int, dim: int) -> Vectors:
    return rng.standard_normal((rows, dim), np.float32)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass(frozen=True)
class Dataset:
    """The files of a dataset. View `row` belongs to product `row // 2`, and to its cluster."""

    folder: Path
    spec: Spec

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        return cls(folder, Spec(**json.loads((folder / "spec.json").read_text("utf-8"))))

    @functools.cached_property
    def stored(self) -> npt.NDArray[np.float16]:
        """All vectors, memory-mapped, (rows, dim)."""
        return np.load(self.folder / "vectors.npy", mmap_mode="r")

    @functools.cached_property
    def clusters(self) -> Ids:
        """The cluster of each product, (products,)."""
        return np.load(self.folder / "clusters.npy")

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield the first row and the float32 vectors of each block."""
        for start in range(0, self.spec.rows, BLOCK):
            yield start, self.stored[start : start + BLOCK].astype(np.float32)

    def sample(self, count: int) -> Vectors:
        """Return evenly spaced vectors for training, ascending by row."""
        rows = np.unique(
            np.linspace(0, self.spec.rows - 1, min(count, self.spec.rows)).astype(np.int64)
        )
        return self.stored[rows].astype(np.float32)

    def queries(self, kind: Modality, query_set: str) -> Vectors:
        """Return the queries of a set, (queries, dim)."""
        return np.load(self.folder / f"queries-{kind}-{query_set}.npy")

    def answers(self, kind: Modality, query_set: str) -> Ids:
        """Return the exact K best rows of each query, (queries, K), best first."""
        return np.load(self.folder / f"answers-{kind}-{query_set}.npy")


def generate(folder: Path, spec: Spec) -> Dataset:
    """Write a dataset; the files depend on the specification alone."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(asdict(spec)), "utf-8")
    geometry = Geometry.draw(spec)
    rng = np.random.default_rng((spec.seed, 1))
    clusters = geometry.clusters(rng, -(-spec.rows // VIEWS_PER_PRODUCT))
    np.save(folder / "clusters.npy", clusters)
    _write_vectors(folder / "vectors.npy", spec, geometry, clusters)
    dataset = Dataset.open(folder)
    for kind in KINDS:
        draw = geometry.texts if kind is Modality.TEXT else geometry.vectors
        for query_set in QUERY_SETS:
            queries = draw(rng, geometry.clusters(rng, spec.queries))
            np.save(folder / f"queries-{kind}-{query_set}.npy", queries)
            np.save(
                folder / f"answers-{kind}-{query_set}.npy", exact_search(dataset.blocks(), queries)
            )
    return dataset


def _write_vectors(path: Path, spec: Spec, geometry: Geometry, clusters: Ids) -> None:
    vectors = np.lib.format.open_memmap(path, "w+", np.float16, (spec.rows, spec.dim))
    for start in range(0, spec.rows, BLOCK):
        rows = np.arange(start, min(start + BLOCK, spec.rows))
        rng = np.random.default_rng((spec.seed, 2, start))
        vectors[rows] = geometry.vectors(rng, clusters[rows // VIEWS_PER_PRODUCT])
    vectors.flush()


def exact_search(blocks: Iterator[tuple[int, Vectors]], queries: Vectors, k: int = K) -> Ids:
    """Return the rows of the k largest inner products of each query, (q, k), best first.

    Missing rows are -1.
    """
    best = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for start, block in blocks:
        scores, found = faiss.knn(
            queries, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT
        )
        scores, found = np.hstack([best, scores]), np.hstack([rows, found + start])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        best, rows = np.take_along_axis(scores, order, 1), np.take_along_axis(found, order, 1)
    return rows


def recall(found: Ids, answers: Ids) -> float:
    """Return the share of the exact answers, (q, k) with -1 for none, that were found."""
    hits = (answers[:, :, np.newaxis] == found[:, np.newaxis, :]).any(axis=2) & (answers >= 0)
    return float(hits.sum() / max(1, (answers >= 0).sum()))
