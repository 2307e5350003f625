"""Search load: threads that search the index at full speed, and that load result pages.

Like a web request, each search reads anew which space and index are active.
"""

from __future__ import annotations

import abc
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from django.db import connections

from search.types import Modality
from tools.bench.soak.dataset import BRANDS, KINDS, SoakDataset
from tools.bench.soak.latency import Latencies
from tools.bench.soak.oracle import Answer
from tools.bench.soak.shared_state import SharedFlags
from tools.bench.soak.shop import soak_spaces
from webapp.retrieval.filters import SearchFilters, allowed_ids
from webapp.retrieval.models_runtime import active_model
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

K = 10
PAGE = 24
PAGE_INTERVAL_S = 0.2
COMPARE_INTERVAL_S = 0.4
"""Interval at which an answer of each searcher is compared with exact search, about 10 ms CPU."""

FILTERED = "filtered"
MIX = {
    "text to pictures": (0.4, Modality.TEXT, Modality.PICTURE),
    "picture to pictures": (0.3, Modality.PICTURE, Modality.PICTURE),
    "text to texts": (0.2, Modality.TEXT, Modality.TEXT),
    FILTERED: (0.1, Modality.TEXT, Modality.PICTURE),
}
"""Searches of the index: share, modality of the query, and modality of the views."""

Record = Callable[[Answer], None]


@dataclass
class QuerySet:
    """Query vectors by number of the space and modality of the query."""

    numbers: dict[str, int]
    vectors: dict[tuple[int, Modality], np.ndarray]

    @classmethod
    def of(cls, dataset: SoakDataset) -> QuerySet:
        numbers = {space.fingerprint: number for number, space in enumerate(soak_spaces())}
        return cls(
            numbers,
            {(at, kind): dataset.queries(at, kind) for at in numbers.values() for kind in KINDS},
        )


@dataclass
class SearchStats:
    """Figures of one thread: latencies by (search, phase), and failures by message."""

    latencies: dict[tuple[str, str], Latencies] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, search: str, phase: str, seconds: float) -> None:
        if (search, phase) not in self.latencies:
            self.latencies[search, phase] = Latencies()
        self.latencies[search, phase].add(seconds)


class LoadThread(threading.Thread, abc.ABC):
    """Sends requests until stopped; records every answer and counts every failure."""

    def __init__(self, name: str, record: Record, flags: SharedFlags) -> None:
        super().__init__(name=name, daemon=True)
        self.stats = SearchStats()
        self._record = record
        self._flags = flags

    def run(self) -> None:
        while not self._flags.stopping.is_set():
            label, send = self.choose()
            phase, started = self._flags.phase, time.perf_counter()
            try:
                answer = send()
            except Exception as error:  # any failure of a search is a result of the test: count it
                self.stats.failures[f"{label}: {type(error).__name__}: {error}"[:200]] += 1
                continue
            self.stats.add(label, phase, time.perf_counter() - started)
            self._record(answer)
        connections.close_all()

    @abc.abstractmethod
    def choose(self) -> tuple[str, Callable[[], Answer]]:
        """Return the name of the next request and a function that sends it."""


class IndexSearcher(LoadThread):
    """Searches the index at full speed; some answers carry what an exact comparison needs."""

    def __init__(self, queries: QuerySet, record: Record, flags: SharedFlags, seed: int) -> None:
        super().__init__(f"searcher {seed}", record, flags)
        self._queries = queries
        self._random = random.Random(seed)  # noqa: S311  # a sample, not a secret
        self._compared = time.monotonic()

    def choose(self) -> tuple[str, Callable[[], Answer]]:
        [label] = self._random.choices(list(MIX), [share for share, _, _ in MIX.values()])
        return label, lambda: self._search(label)

    def _search(self, label: str) -> Answer:
        _, query_modality, modality = MIX[label]
        brand = self._random.choice(list(BRANDS)) if label == FILTERED else None
        began = time.monotonic()
        index = active_model().index()
        space = self._queries.numbers[index.space.fingerprint]
        query = self._random.choice(self._queries.vectors[space, query_modality])
        allowed = None if brand is None else allowed_ids(SearchFilters(brands=(brand,)))
        [found] = index.search(query, modality, K, allowed, query_modality=query_modality)
        ended = time.monotonic()
        compared = ended - self._compared >= COMPARE_INTERVAL_S
        if compared:
            self._compared = ended
        return Answer(
            requested_at=began,
            returned_at=ended,
            label=label,
            modality=modality,
            product_ids=found.product_ids.tolist(),
            view_ids=found.view_ids.tolist(),
            k=K,
            brand=brand,
            space=space,
            query=query if compared else None,
            scores=found.scores if compared else None,
        )


class PageVisitor(LoadThread):
    """Loads result pages: ranking over all modalities, then the database.

    The query is "similar products", because it needs no encoder.
    """

    def __init__(self, product: Callable[[], int], record: Record, flags: SharedFlags) -> None:
        super().__init__("visitor", record, flags)
        self._product = product

    def choose(self) -> tuple[str, Callable[[], Answer]]:
        time.sleep(PAGE_INTERVAL_S)
        return "page", self._page

    def _page(self) -> Answer:
        began = time.monotonic()
        found = search_products(SearchQuery(similar_to=self._product(), limit=PAGE, facets=False))
        ids = [hit.product.pk for hit in found.hits]
        return Answer(began, time.monotonic(), "page", Modality.PICTURE, ids)
