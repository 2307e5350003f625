"""Searches at full speed, asked as a request asks: the space and its index anew each time, pages
with the database.
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
from tools.bench.soak.dataset import BRANDS, KINDS, Goods
from tools.bench.soak.latency import Latencies
from tools.bench.soak.oracle import Answer
from tools.bench.soak.shared_flags import Marks
from tools.bench.soak.shop import spaces
from webapp.retrieval.filters import SearchFilters, allowed_ids
from webapp.retrieval.models_runtime import active_model
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

K = 10
PAGE = 24
PAGE_EVERY_S = 0.2
COMPARE_EVERY_S = 0.4
"""How often each searcher has an answer compared with exact search, which takes a core for a
hundredth of a second."""

FILTERED = "filtered"
MIX = {
    "text to pictures": (0.4, Modality.TEXT, Modality.PICTURE),
    "picture to pictures": (0.3, Modality.PICTURE, Modality.PICTURE),
    "text to texts": (0.2, Modality.TEXT, Modality.TEXT),
    FILTERED: (0.1, Modality.TEXT, Modality.PICTURE),
}
"""Searches of the index: how often, and the modalities of the question and of what is searched."""

Tell = Callable[[Answer], None]


@dataclass
class Questions:
    """Query vectors of both spaces by fingerprint and modality of the query."""

    numbers: dict[str, int]
    vectors: dict[tuple[int, Modality], np.ndarray]

    @classmethod
    def of(cls, goods: Goods) -> Questions:
        numbers = {space.fingerprint: number for number, space in enumerate(spaces())}
        return cls(
            numbers,
            {(at, kind): goods.questions(at, kind) for at in numbers.values() for kind in KINDS},
        )


@dataclass
class Tally:
    """What one searcher saw: latencies by (search, phase), and failures by what was raised."""

    latencies: dict[tuple[str, str], Latencies] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, search: str, phase: str, seconds: float) -> None:
        if (search, phase) not in self.latencies:
            self.latencies[search, phase] = Latencies()
        self.latencies[search, phase].add(seconds)


class Asking(threading.Thread, abc.ABC):
    """One kind of request after another until stopped; every answer is told, every failure
    counted.
    """

    def __init__(self, name: str, tell: Tell, marks: Marks) -> None:
        super().__init__(name=name, daemon=True)
        self.tally = Tally()
        self._tell = tell
        self._marks = marks

    def run(self) -> None:
        while not self._marks.stopping.is_set():
            label, ask = self.choose()
            phase, started = self._marks.phase, time.perf_counter()
            try:
                answer = ask()
            except (
                Exception
            ) as error:  # a failed search is what is looked for: counted, told, a broken promise
                self.tally.failures[f"{label}: {type(error).__name__}: {error}"[:200]] += 1
                continue
            self.tally.add(label, phase, time.perf_counter() - started)
            self._tell(answer)
        connections.close_all()

    @abc.abstractmethod
    def choose(self) -> tuple[str, Callable[[], Answer]]:
        """What to ask next, and its name."""


class Searcher(Asking):
    """Searches of the index at full speed; now and then an answer is told with what a comparison
    needs.
    """

    def __init__(self, questions: Questions, tell: Tell, marks: Marks, seed: int) -> None:
        super().__init__(f"searcher {seed}", tell, marks)
        self._questions = questions
        self._random = random.Random(seed)  # noqa: S311  # which question is asked is no secret
        self._compared = time.monotonic()

    def choose(self) -> tuple[str, Callable[[], Answer]]:
        [label] = self._random.choices(list(MIX), [share for share, _, _ in MIX.values()])
        _, asked, modality = MIX[label]
        brand = self._random.choice(list(BRANDS)) if label == FILTERED else None
        return label, lambda: self._ask(label, asked, modality, brand)

    def _ask(self, label: str, asked: Modality, modality: Modality, brand: str | None) -> Answer:
        began = time.monotonic()
        index = active_model().index()
        space = self._questions.numbers[index.space.fingerprint]
        query = self._random.choice(self._questions.vectors[space, asked])
        allowed = None if brand is None else allowed_ids(SearchFilters(brands=(brand,)))
        [found] = index.search(query, modality, K, allowed, query_modality=asked)
        ended = time.monotonic()
        compared = ended - self._compared >= COMPARE_EVERY_S
        if compared:
            self._compared = ended
        return Answer(
            asked=began,
            returned=ended,
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


class Visitor(Asking):
    """Pages, the whole way: ranked over all modalities, then read from the database. Similar
    products are asked for, because that needs no encoder.
    """

    def __init__(self, product: Callable[[], int], tell: Tell, marks: Marks) -> None:
        super().__init__("visitor", tell, marks)
        self._product = product

    def choose(self) -> tuple[str, Callable[[], Answer]]:
        time.sleep(PAGE_EVERY_S)
        return "page", self._page

    def _page(self) -> Answer:
        began = time.monotonic()
        found = search_products(SearchQuery(similar_to=self._product(), limit=PAGE, facets=False))
        ids = [hit.product.pk for hit in found.hits]
        return Answer(began, time.monotonic(), "page", Modality.PICTURE, ids)
