"""The oracle: from the journal it derives what an answer must, may and must not contain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from search.types import Ids, Modality, Vectors
from tools.bench.soak.dataset import content_rows
from tools.bench.soak.journal import Change

MAX_STALENESS_S = 1.0
"""Time within which a change must reach the answers of the index."""

SCORE_TOLERANCE = 1e-5
FOREVER = float("inf")
FIRST_CAPACITY = 1 << 12


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of a search: products and, for searches of the index itself, views.

    `requested_at` and `returned_at` are monotonic seconds. With `query`, (dim,), `scores`, (k,),
    and the number of the space, the answer is also compared with exact search; recall is kept by
    `label`.
    """

    requested_at: float
    returned_at: float
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
    """Sums of the faults over all answers. `removed_*`: found after removal."""

    answers: int = 0
    removed_on_page: int = 0
    removed_in_index: int = 0
    oldest_removed_s: float = 0.0
    compared: int = 0
    short: int = 0
    wrong_scores: int = 0
    largest_score_error: float = 0.0
    recalls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class ViewLifetimes:
    """When each view of one modality was searchable: transactions that added and removed it."""

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


class Oracle:
    """Applies the journal and judges answers; `vectors` are those of the index, by space."""

    def __init__(self, vectors: Mapping[tuple[int, Modality], Vectors]) -> None:
        self._vectors = vectors
        self._lives = {modality: ViewLifetimes() for _, modality in vectors}
        self._of_view: dict[int, list[tuple[Modality, int]]] = defaultdict(list)
        self._of_product: dict[int, list[tuple[Modality, int]]] = {}
        self._visible: dict[int, list[list[float]]] = defaultdict(list)
        self.verdict = Verdict()

    def apply(self, change: Change) -> None:
        """Apply a change; changes must come in the order of their commits."""
        if change.removes_views:
            for modality, at in self._of_product.pop(change.product_id, ()):
                self._lives[modality].times[2:, at] = change.begun, change.committed
            self._visible[change.product_id][-1][1] = change.committed
        if change.adds_views:
            self._visible[change.product_id].append([change.begun, FOREVER])
            self._of_product[change.product_id] = list(self._add_views(change))

    def _add_views(self, change: Change) -> list[tuple[Modality, int]]:
        born = []
        for modality, view_ids in (change.views or {}).items():
            for view_id, row in zip(view_ids, content_rows(modality, change.content), strict=True):
                at = self._lives[modality].add(view_id, row, change)
                self._of_view[view_id].append((modality, at))
                born.append((modality, at))
        return born

    def judge(self, answer: Answer) -> None:
        """Add one answer to the verdict; all changes up to its return must have been applied."""
        self.verdict.answers += 1
        if answer.view_ids is None:
            self._judge_page(answer)
            return
        for view_id in answer.view_ids:
            self._judge_view(answer, view_id)
        if answer.query is not None and answer.scores is not None:
            self._compare(answer, answer.view_ids, answer.query, answer.scores)

    def _judge_page(self, answer: Answer) -> None:
        """Count products that were removed before the request: a page reads the database last."""
        for product_id in answer.product_ids:
            spans = self._visible.get(product_id, [])
            if not any(
                begun <= answer.returned_at and gone > answer.requested_at for begun, gone in spans
            ):
                self.verdict.removed_on_page += 1

    def _judge_view(self, answer: Answer, view_id: int) -> None:
        lives = self._of_view.get(view_id, [])
        ends = [self._lives[modality].times[3, at] for modality, at in lives]
        age = answer.requested_at - max(ends, default=-FOREVER)
        if age > MAX_STALENESS_S:
            self.verdict.removed_in_index += 1
        elif age > 0:
            self.verdict.oldest_removed_s = max(self.verdict.oldest_removed_s, age)

    def _compare(
        self,
        answer: Answer,
        view_ids: list[int],
        query: Vectors,
        scores: npt.NDArray[np.float32],
    ) -> None:
        """Compare with exact search; views that changed around the answer may be in it or not."""
        lives = self._lives[answer.modality]
        known_ids, _, rows = lives.ids[:, : lives.count]
        _, born, died_begun, _ = lives.times[:, : lives.count]
        exact_scores = (self._vectors[answer.space, answer.modality] @ query)[rows]
        certain = (born <= answer.requested_at - MAX_STALENESS_S) & (
            died_begun > answer.returned_at
        )
        if answer.brand is not None:
            certain &= lives.brands[: lives.count] == answer.brand
        known = np.flatnonzero(certain)
        self.verdict.compared += 1
        if len(view_ids) < min(answer.k, known.size):
            self.verdict.short += 1
        vectors = {key[1]: pool for key, pool in self._vectors.items() if key[0] == answer.space}
        self._compare_scores(vectors, view_ids, query, scores)
        places = _comparable_places(answer.k, view_ids, known_ids[known])
        if places > 0:
            agreed = np.isin(view_ids, known_ids[known])
            best = exact_scores[known]
            cut = np.partition(best, -places)[-places] - SCORE_TOLERANCE
            right = int(np.count_nonzero(scores[agreed] >= cut))
            self.verdict.recalls[answer.label].append(min(1.0, right / places))

    def _compare_scores(
        self,
        vectors: Mapping[Modality, Vectors],
        view_ids: list[int],
        query: Vectors,
        scores: npt.NDArray[np.float32],
    ) -> None:
        for view_id, score in zip(view_ids, scores, strict=True):
            for modality, at in self._of_view.get(view_id, [])[-1:]:
                row = self._lives[modality].ids[2, at]
                error = abs(float(vectors[modality][row] @ query) - float(score))
                self.verdict.largest_score_error = max(self.verdict.largest_score_error, error)
                self.verdict.wrong_scores += error > SCORE_TOLERANCE


def _comparable_places(k: int, view_ids: list[int], known: Ids) -> int:
    """Return how many places of an answer views that were certainly searchable should fill."""
    others = int(np.count_nonzero(~np.isin(view_ids, known)))
    return min(k - others, known.size)
