"""The oracle finds each kind of fault, and lets pass what the promises allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search.types import Modality
from tools.bench.soak.journal import Change, Kind
from tools.bench.soak.oracle import Answer, Truth

PICTURE = Modality.PICTURE
VECTORS = np.eye(12, 8, dtype=np.float32) + np.eye(12, 8, -4, dtype=np.float32) / 2
QUERY = np.linspace(1, 0.3, 8).astype(np.float32)
SCORES = VECTORS @ QUERY


def change(kind: Kind, at: float, product_id: int, content: int = 0, brand: str = "") -> Change:
    views = {PICTURE: [100 + 2 * content, 101 + 2 * content]} if kind is not Kind.REMOVED else None
    return Change(at, at + 0.1, kind, product_id, content, brand, views)


@pytest.fixture
def truth() -> Truth:
    """Products 1 to 4, added at 10 s; views 100 to 107."""
    truth = Truth({(0, PICTURE): VECTORS})
    for at in range(4):
        truth.follow(change(Kind.ADDED, 10.0, at + 1, at, brand="tenth" if at % 2 else ""))
    return truth


def answer(views: list[int], asked: float = 20.0, k: int = 3, **changed: object) -> Answer:
    products = [(view - 100) // 2 + 1 for view in views]
    scores = SCORES[[view - 100 for view in views]]
    found = Answer(
        asked, asked + 0.01, "text", PICTURE, products, views, k=k, query=QUERY, scores=scores
    )
    return replace(found, **changed)


def test_exact_answers_pass(truth: Truth) -> None:
    best = (100 + np.argsort(-SCORES[:8])).tolist()
    truth.judge(answer(best[:3]))
    truth.judge(answer([view for view in best if (view - 100) // 2 % 2][:3], brand="tenth"))
    verdict = truth.verdict
    assert (verdict.answers, verdict.compared, verdict.short, verdict.wrong_scores) == (2, 2, 0, 0)
    assert (verdict.index_ghosts, verdict.recalls["text"]) == (0, [1.0, 1.0])


def test_worse_views_lower_the_recall(truth: Truth) -> None:
    worst = (100 + np.argsort(-SCORES[:8])).tolist()[-3:]
    truth.judge(answer(worst))
    assert truth.verdict.recalls["text"] == [0.0]


def test_too_few_views_and_wrong_scores_are_told(truth: Truth) -> None:
    truth.judge(answer([100, 101]))
    truth.judge(answer([100, 101, 102], scores=SCORES[:3] + np.float32(2e-5)))
    assert (truth.verdict.short, truth.verdict.wrong_scores) == (1, 3)
    assert truth.verdict.largest_score_error == pytest.approx(2e-5, rel=0.1)


def test_what_is_gone_may_be_found_for_a_second_and_no_longer(truth: Truth) -> None:
    truth.follow(change(Kind.HIDDEN, 20.0, 1))
    truth.judge(answer([100, 101, 102], asked=21.0))
    assert (truth.verdict.index_ghosts, truth.verdict.oldest_ghost_s) == (0, pytest.approx(0.9))
    truth.judge(answer([100, 101, 102], asked=21.2))
    assert truth.verdict.index_ghosts == 2


def test_what_is_shown_again_is_no_ghost_and_what_was_replaced_is(truth: Truth) -> None:
    truth.follow(change(Kind.HIDDEN, 20.0, 1))
    truth.follow(change(Kind.SHOWN, 30.0, 1))
    truth.follow(change(Kind.REPLACED, 40.0, 2, content=5))
    truth.judge(answer([100, 101], asked=50.0, query=None))
    assert truth.verdict.index_ghosts == 0
    truth.judge(answer([102, 110], asked=50.0, query=None))
    assert truth.verdict.index_ghosts == 1


def test_new_views_are_wanted_after_a_second(truth: Truth) -> None:
    truth.follow(change(Kind.ADDED, 20.0, 9, content=5))
    former = list(range(100, 108))
    truth.judge(answer(former, asked=21.0, k=10))
    assert (truth.verdict.short, truth.verdict.recalls["text"]) == (0, [1.0])
    truth.judge(answer(former, asked=21.2, k=10))
    assert (truth.verdict.short, truth.verdict.recalls["text"]) == (1, [1.0, 0.8])


def test_a_page_never_shows_what_was_gone_before_it_was_asked_for(truth: Truth) -> None:
    truth.follow(change(Kind.REMOVED, 20.0, 1))
    page = Answer(20.05, 20.2, "page", PICTURE, [1, 2])
    truth.judge(page)
    assert truth.verdict.page_ghosts == 0, "it went while the page was made"
    truth.judge(replace(page, asked=20.11))
    assert truth.verdict.page_ghosts == 1
    truth.judge(replace(page, product_ids=[77]))
    assert truth.verdict.page_ghosts == 2, "a product that never was"
