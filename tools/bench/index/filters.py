"""Searches among a part of the products, at random or whole clusters as a category is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import faiss
import numpy as np

from search.cpu import available_cores
from search.types import Ids, Modality, Vectors
from tools.bench.index.data import BLOCK, HELD, KINDS, VIEWS_A_PRODUCT, Dataset, K, exact, recall
from tools.bench.index.engines.ours import Ours, product_ids
from tools.bench.index.measure import limited_to, times_of
from tools.bench.timing import percentile_ms, seconds

SELECTIVITIES = (0.5, 0.1, 0.01, 0.001)
KINDS_OF_FILTER = ("scattered", "clustered")
QUERIES = 200
MEASURED_S = 0.5


@dataclass(frozen=True, slots=True)
class Filtered:
    """One filter on one thread: recall against exact search among the same products, and the
    share of queries that got a full page, or every view there is. Rates are of text-like
    queries.
    """

    kind: str
    selectivity: float
    views: int
    text_recall: float
    picture_recall: float
    full_pages: float
    batch_qps: float
    single_qps: float
    p99_ms: float


def sweep(engine: Ours, dataset: Dataset) -> list[Filtered]:
    """Every selectivity with both kinds of filter."""
    engine.use_threads(1)
    return [
        _measure(engine, dataset, kind, selectivity, _products(dataset, kind, selectivity))
        for kind in KINDS_OF_FILTER
        for selectivity in SELECTIVITIES
    ]


def _products(dataset: Dataset, kind: str, selectivity: float) -> Ids:
    """Ascending products: chosen at random, or all of clusters chosen at random until they are
    enough.
    """
    rng = np.random.default_rng((dataset.spec.seed, 3))
    clusters = dataset.clusters
    wanted = max(1, round(selectivity * len(clusters)))
    if kind == "scattered":
        return np.sort(rng.permutation(len(clusters))[:wanted])
    place = rng.permutation(int(clusters.max()) + 1)
    return np.sort(np.argsort(place[clusters], kind="stable")[:wanted])


def _measure(
    engine: Ours, dataset: Dataset, kind: str, selectivity: float, products: Ids
) -> Filtered:
    rows = (products[:, np.newaxis] * VIEWS_A_PRODUCT + np.arange(VIEWS_A_PRODUCT)).ravel()
    rows = rows[rows < dataset.spec.rows]
    allowed = product_ids(products)
    found, recalls = {}, {}
    for asked in KINDS:
        queries = dataset.queries(asked, HELD)[:QUERIES]
        found[asked] = engine.rows(engine.search_among(queries, K, asked, allowed), K)
        recalls[asked] = recall(found[asked], _exact_among(dataset, rows, queries))
    queries = dataset.queries(Modality.TEXT, HELD)[:QUERIES]
    with limited_to(1):
        batch = times_of(
            lambda: engine.search_among(queries, K, Modality.TEXT, allowed), MEASURED_S
        )
        single = [
            seconds(
                lambda at=at: engine.search_among(queries[at : at + 1], K, Modality.TEXT, allowed)
            )
            for at in range(len(queries))
        ]
    return Filtered(
        kind=kind,
        selectivity=selectivity,
        views=len(rows),
        text_recall=recalls[Modality.TEXT],
        picture_recall=recalls[Modality.PICTURE],
        full_pages=float(
            np.mean(
                [(page >= 0).sum() == min(K, len(rows)) for page in np.vstack(list(found.values()))]
            )
        ),
        batch_qps=len(queries) / median(batch),
        single_qps=len(single) / sum(single),
        p99_ms=percentile_ms(single, 99),
    )


def _exact_among(dataset: Dataset, rows: Ids, queries: Vectors) -> Ids:
    def blocks() -> Iterator[tuple[int, Vectors]]:
        for start in range(0, len(rows), BLOCK):
            yield start, dataset.stored[rows[start : start + BLOCK]].astype(np.float32)

    faiss.omp_set_num_threads(available_cores())
    places = exact(blocks(), queries)
    faiss.omp_set_num_threads(1)
    return np.where(places >= 0, rows[places], -1)
