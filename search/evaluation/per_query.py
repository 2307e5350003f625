"""Queries with how well each was answered, and what they add up to by language and by category."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from search.evaluation.folder import EvaluationQuery
from search.evaluation.metrics import average_precision
from search.evaluation.summary import Judged

Facet = Literal["language", "category"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One query and its outcome."""

    query: EvaluationQuery
    judged: Judged

    @property
    def average_precision(self) -> float:
        return average_precision(self.judged.ranks, self.judged.relevant)


def grouped(answers: Iterable[Answer], facet: Facet) -> dict[str, list[Answer]]:
    """Answers by the query's language or category, by name. Queries without one are left out."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        if name := getattr(answer.query, facet):
            groups.setdefault(name, []).append(answer)
    return dict(sorted(groups.items()))


def extremes(answers: Sequence[Answer], count: int) -> tuple[list[Answer], list[Answer]]:
    """The worst and the best answered queries, each from its extreme on; of few queries none is
    in both.
    """
    ascending = sorted(answers, key=lambda answer: (answer.average_precision, answer.query.id))
    count = min(count, len(answers) // 2)
    return ascending[:count], ascending[::-1][:count]


def label_like(answers: Sequence[Answer]) -> bool:
    """Do queries name labels, that is, ask by words and have several right answers on average?

    Then each single query is worth a look; where every query is one product's own description,
    or a file, none is.
    """
    worded = all(answer.query.file is None for answer in answers)
    return worded and sum(answer.judged.relevant for answer in answers) > 2 * len(answers)
