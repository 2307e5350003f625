"""Measure filtered search: random products, or whole clusters like a category."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import faiss
import numpy as np

from search.cpu import available_cores
from search.types import Ids, Modality, Vectors
from tools.bench.index.data import (
    BLOCK,
    HELD_OUT,
    KINDS,
    VIEWS_PER_PRODUCT,
    Dataset,
    K,
    exact_search,
    recall,
)
from tools.bench.index.engines.ours import Ours, product_ids
from tools.bench.index.measure import limit_cores, time_repeatedly
from tools.bench.timing import percentile_ms, seconds

SELECTIVITIES = (0.5, 0.1, 0.01, 0.001)
FILTER_KINDS = ("scattered", "clustered")
QUERIES = 200
MEASURED_S = 0.5


@dataclass(frozen=True, slots=True)
class FilterResult:
    """Figures of one filter on one thread.

    Recall is against exact search among the same products. `full_pages` is the share of queries
    with K results, or with all views where there are fewer. Rates are of text-like queries.
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


def measure_filters(engine: Ours, dataset: Dataset) -> list[FilterResult]:
    """Measure every selectivity with both kinds of filter."""
    engine.use_threads(1)
    return [
        _measure(engine, dataset, kind, selectivity, _products(dataset, kind, selectivity))
        for kind in FILTER_KINDS
        for selectivity in SELECTIVITIES
    ]


def _products(dataset: Dataset, kind: str, selectivity: float) -> Ids:
    """Choose products in ascending order: at random, or of random whole clusters."""
    rng = np.random.default_rng((dataset.spec.seed, 3))
    clusters = dataset.clusters
    wanted = max(1, round(selectivity * len(clusters)))
    if kind == "scattered":
        return np.sort(rng.permutation(len(clusters))[:wanted])
    place = rng.permutation(int(clusters.max()) + 1)
    return np.sort(np.argsort(place[clusters], kind="stable")[:wanted])


def _measure(
    engine: Ours, dataset: Dataset, kind: str, selectivity: float, products: Ids
) -> FilterResult:
    rows = (products[:, np.newaxis] * VIEWS_PER_PRODUCT + np.arange(VIEWS_PER_PRODUCT)).ravel()
    rows = rows[rows < dataset.spec.rows]
    allowed = product_ids(products)
    rows_by_kind, recalls = {}, {}
    for kind_of_query in KINDS:
        queries = dataset.queries(kind_of_query, HELD_OUT)[:QUERIES]
        rows_by_kind[kind_of_query] = engine.rows(
            engine.search_filtered(queries, K, kind_of_query, allowed), K
        )
        recalls[kind_of_query] = recall(
            rows_by_kind[kind_of_query], _exact_among(dataset, rows, queries)
        )
    queries = dataset.queries(Modality.TEXT, HELD_OUT)[:QUERIES]
    with limit_cores(1):
        batch = time_repeatedly(
            lambda: engine.search_filtered(queries, K, Modality.TEXT, allowed), MEASURED_S
        )
        single = [
            seconds(partial(engine.search_filtered, query, K, Modality.TEXT, allowed))
            for query in queries[:, np.newaxis]
        ]
    return FilterResult(
        kind=kind,
        selectivity=selectivity,
        views=len(rows),
        text_recall=recalls[Modality.TEXT],
        picture_recall=recalls[Modality.PICTURE],
        full_pages=float(
            np.mean(
                [
                    (page >= 0).sum() == min(K, len(rows))
                    for page in np.vstack(list(rows_by_kind.values()))
                ]
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
    places = exact_search(blocks(), queries)
    faiss.omp_set_num_threads(1)
    return np.where(places >= 0, rows[places], -1)
