"""The oracle: from the journal alone it knows what each answer had to hold, might hold and must
not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from search.types import Ids, Modality, Vectors
from tools.bench.soak.dataset import rows_of
from tools.bench.soak.journal import Change

STALE_S = 1.0
"""How late a change may reach an answer of the index."""

SCORE_TOLERANCE = 1e-5
FOREVER = float("inf")
FIRST_CAPACITY = 1 << 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search gave: products and, from the index itself, views. `asked` and `returned` are
    monotonic seconds.

    With `query`, shape (dim,), scores, shape (k,), and the space's number, it is also compared
    with exact search; recall is told by `label`.
    """

    asked: float
    returned: float
    label: str
    modality: Modality
    product_ids: list[int]
    view_ids: list[int] | None = None
    k: int = 0
    brand: str | None = None
    space: int = 0
    query: Vectors | None = None
    scores: npt.NDArray[np.float32] | None = None


@dataclass(slots=True)
class Verdict:
    """What was found wrong, added up over answers. Ghosts are products or views that should have
    been gone.
    """

    answers: int = 0
    page_ghosts: int = 0
    index_ghosts: int = 0
    oldest_ghost_s: float = 0.0
    compared: int = 0
    short: int = 0
    wrong_scores: int = 0
    largest_score_error: float = 0.0
    recalls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Lives:
    """When each view of one modality could be found: from its birth to its death, both as spans
    of a transaction.
    """

    COLUMNS = ("born_begun", "born", "died_begun", "died")

    def __init__(self) -> None:
        self.count = 0
        self.ids: Ids = np.zeros((3, FIRST_CAPACITY), np.int64)
        """View id, product id and row of the pool."""
        self.times = np.full((4, FIRST_CAPACITY), FOREVER)
        self.brands: npt.NDArray[np.str_] = np.zeros(FIRST_CAPACITY, "U9")

    def add(self, view_id: int, row: int, change: Change) -> int:
        if self.count == len(self.brands):
            self.ids = np.concatenate([self.ids, np.zeros_like(self.ids)], axis=1)
            self.times = np.concatenate([self.times, np.full_like(self.times, FOREVER)], axis=1)
            self.brands = np.concatenate([self.brands, np.zeros_like(self.brands)])
        at = self.count
        self.ids[:, at] = view_id, change.product_id, row
        self.times[:2, at] = change.begun, change.committed
        self.brands[at] = change.brand
        self.count += 1
        return at


class Truth:
    """Follows the journal and judges answers. `vectors` are those the index scores with, by
    space and modality.
    """

    def __init__(self, vectors: Mapping[tuple[int, Modality], Vectors]) -> None:
        self._vectors = vectors
        self._lives = {modality: Lives() for _, modality in vectors}
        self._of_view: dict[int, list[tuple[Modality, int]]] = defaultdict(list)
        self._of_product: dict[int, list[tuple[Modality, int]]] = {}
        self._visible: dict[int, list[list[float]]] = defaultdict(list)
        self.verdict = Verdict()

    def follow(self, change: Change) -> None:
        """Changes must come in the order of their commits."""
        if change.takes_views:
            for modality, at in self._of_product.pop(change.product_id, ()):
                self._lives[modality].times[2:, at] = change.begun, change.committed
            self._visible[change.product_id][-1][1] = change.committed
        if change.brings_views:
            self._visible[change.product_id].append([change.begun, FOREVER])
            self._of_product[change.product_id] = list(self._born(change))

    def _born(self, change: Change) -> list[tuple[Modality, int]]:
        born = []
        for modality, view_ids in (change.views or {}).items():
            for view_id, row in zip(view_ids, rows_of(modality, change.content), strict=True):
                at = self._lives[modality].add(view_id, row, change)
                self._of_view[view_id].append((modality, at))
                born.append((modality, at))
        return born

    def judge(self, answer: Answer) -> None:
        """Add one answer to the verdict. Everything up to its return must have been followed."""
        self.verdict.answers += 1
        if answer.view_ids is None:
            self._judge_page(answer)
            return
        for view_id in answer.view_ids:
            self._judge_view(answer, view_id)
        if answer.query is not None:
            self._compare(answer)

    def _judge_page(self, answer: Answer) -> None:
        """A page reads the database last: what was gone before it was asked for is never on it."""
        for product_id in answer.product_ids:
            spans = self._visible.get(product_id, [])
            if not any(begun <= answer.returned and gone > answer.asked for begun, gone in spans):
                self.verdict.page_ghosts += 1

    def _judge_view(self, answer: Answer, view_id: int) -> None:
        lives = self._of_view.get(view_id, [])
        ends = [self._lives[modality].times[3, at] for modality, at in lives]
        age = answer.asked - max(ends, default=-FOREVER)
        if age > STALE_S:
            self.verdict.index_ghosts += 1
        elif age > 0:
            self.verdict.oldest_ghost_s = max(self.verdict.oldest_ghost_s, age)

    def _compare(self, answer: Answer) -> None:
        """Views that changed around the answer may be in it or not: the rest must be as exact
        search says.
        """
        lives = self._lives[answer.modality]
        view_ids, _, rows = lives.ids[:, : lives.count]
        _, born, died_begun, _ = lives.times[:, : lives.count]
        scores = (self._vectors[answer.space, answer.modality] @ answer.query)[rows]
        certain = (born <= answer.asked - STALE_S) & (died_begun > answer.returned)
        if answer.brand is not None:
            certain &= lives.brands[: lives.count] == answer.brand
        known = np.flatnonzero(certain)
        if len(answer.view_ids or ()) < min(answer.k, known.size):
            self.verdict.short += 1
        self._compare_scores(answer)
        self._compare_ranks(answer, view_ids[known], scores[known])

    def _compare_scores(self, answer: Answer) -> None:
        for view_id, score in zip(answer.view_ids or (), answer.scores, strict=True):
            for modality, at in self._of_view.get(view_id, [])[-1:]:
                row = self._lives[modality].ids[2, at]
                error = abs(
                    float(self._vectors[answer.space, modality][row] @ answer.query) - float(score)
                )
                self.verdict.largest_score_error = max(self.verdict.largest_score_error, error)
                self.verdict.wrong_scores += error > SCORE_TOLERANCE

    def _compare_ranks(self, answer: Answer, known: Ids, scores: npt.NDArray[np.float32]) -> None:
        self.verdict.compared += 1
        agreed = np.isin(answer.view_ids, known)
        places = min(answer.k - int(np.count_nonzero(~agreed)), known.size)
        if places <= 0:
            return
        cut = np.partition(scores, -places)[-places] - SCORE_TOLERANCE
        right = np.count_nonzero(answer.scores[agreed] >= cut)
        self.verdict.recalls[answer.label].append(min(1.0, right / places))
