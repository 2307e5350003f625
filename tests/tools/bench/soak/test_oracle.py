"""The oracle detects each kind of fault, and accepts what the promises allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from search.types import Modality
from tools.bench.soak.journal import Change, ChangeKind
from tools.bench.soak.oracle import Answer, Oracle

PICTURE = Modality.PICTURE
VECTORS = (np.eye(12, 8) + np.eye(12, 8, -4) / 2).astype(np.float32)
QUERY = np.linspace(1, 0.3, 8).astype(np.float32)
SCORES = VECTORS @ QUERY


def change(
    kind: ChangeKind, at: float, product_id: int, content: int = 0, brand: str = ""
) -> Change:
    views = (
        {PICTURE: [100 + 2 * content, 101 + 2 * content]}
        if kind is not ChangeKind.REMOVED
        else None
    )
    return Change(at, at + 0.1, kind, product_id, content, brand, views)


@pytest.fixture
def oracle() -> Oracle:
    """Products 1 to 4, added at 10 s; views 100 to 107."""
    oracle = Oracle({(0, PICTURE): VECTORS})
    for at in range(4):
        oracle.apply(change(ChangeKind.ADDED, 10.0, at + 1, at, brand="tenth" if at % 2 else ""))
    return oracle


def answer(
    views: list[int],
    requested_at: float = 20.0,
    *,
    k: int = 3,
    brand: str | None = None,
    scores: npt.NDArray[np.float32] | None = None,
) -> Answer:
    """An answer with these views; with the exact scores unless others are given."""
    return Answer(
        requested_at,
        requested_at + 0.01,
        "text",
        PICTURE,
        [(view - 100) // 2 + 1 for view in views],
        views,
        k=k,
        brand=brand,
        query=QUERY,
        scores=SCORES[[view - 100 for view in views]] if scores is None else scores,
    )


def test_exact_answers_are_accepted(oracle: Oracle) -> None:
    best = (100 + np.argsort(-SCORES[:8])).tolist()
    oracle.judge(answer(best[:3]))
    oracle.judge(answer([view for view in best if (view - 100) // 2 % 2][:3], brand="tenth"))
    verdict = oracle.verdict
    assert (verdict.answers, verdict.compared, verdict.short, verdict.wrong_scores) == (2, 2, 0, 0)
    assert (verdict.removed_in_index, verdict.recalls["text"]) == (0, [1.0, 1.0])


def test_worse_views_lower_the_recall(oracle: Oracle) -> None:
    worst = (100 + np.argsort(-SCORES[:8])).tolist()[-3:]
    oracle.judge(answer(worst))
    assert oracle.verdict.recalls["text"] == [0.0]


def test_missing_views_and_wrong_scores_are_counted(oracle: Oracle) -> None:
    oracle.judge(answer([100, 101]))
    oracle.judge(answer([100, 101, 102], scores=SCORES[:3] + np.float32(2e-5)))
    assert (oracle.verdict.short, oracle.verdict.wrong_scores) == (1, 3)
    assert oracle.verdict.largest_score_error == pytest.approx(2e-5, rel=0.1)


def test_a_hidden_view_may_be_found_for_one_second_only(oracle: Oracle) -> None:
    oracle.apply(change(ChangeKind.HIDDEN, 20.0, 1))
    oracle.judge(answer([100, 101, 102], requested_at=21.0))
    assert oracle.verdict.removed_in_index == 0
    assert oracle.verdict.oldest_removed_s == pytest.approx(0.9)
    oracle.judge(answer([100, 101, 102], requested_at=21.2))
    assert oracle.verdict.removed_in_index == 2


def test_a_shown_view_may_be_found_and_a_replaced_one_not(oracle: Oracle) -> None:
    oracle.apply(change(ChangeKind.HIDDEN, 20.0, 1))
    oracle.apply(change(ChangeKind.SHOWN, 30.0, 1))
    oracle.apply(change(ChangeKind.REPLACED, 40.0, 2, content=5))
    oracle.judge(replace(answer([100, 101], 50.0), query=None))
    assert oracle.verdict.removed_in_index == 0
    oracle.judge(replace(answer([102, 110], 50.0), query=None))
    assert oracle.verdict.removed_in_index == 1


def test_new_views_must_be_found_after_one_second(oracle: Oracle) -> None:
    oracle.apply(change(ChangeKind.ADDED, 20.0, 9, content=5))
    previous = list(range(100, 108))
    oracle.judge(answer(previous, requested_at=21.0, k=10))
    assert (oracle.verdict.short, oracle.verdict.recalls["text"]) == (0, [1.0])
    oracle.judge(answer(previous, requested_at=21.2, k=10))
    assert (oracle.verdict.short, oracle.verdict.recalls["text"]) == (1, [1.0, 0.8])


def test_a_page_never_shows_a_product_removed_before_the_request(oracle: Oracle) -> None:
    oracle.apply(change(ChangeKind.REMOVED, 20.0, 1))
    page = Answer(20.05, 20.2, "page", PICTURE, [1, 2])
    oracle.judge(page)
    assert oracle.verdict.removed_on_page == 0, "it was removed while the page was built"
    oracle.judge(replace(page, requested_at=20.11))
    assert oracle.verdict.removed_on_page == 1
    oracle.judge(replace(page, product_ids=[77]))
    assert oracle.verdict.removed_on_page == 2, "a product that never existed"
