"""Metrics against cases worked out by hand."""

from __future__ import annotations

from math import log2

import pytest

from search.errors import InputError
from search.evaluation.metrics import (
    average_precision,
    first_rank,
    hit_at,
    ndcg_at,
    precision_at,
    r_precision,
    reciprocal_rank,
)
from search.evaluation.results import QueryResult, evaluate_ranking, summarise


def test_relevant_at_ranks_1_and_3_of_two() -> None:
    ranks = (1, 3)
    assert average_precision(ranks, 2) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert ndcg_at(ranks, 2, 10) == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3)))
    assert precision_at(ranks, 10) == pytest.approx(0.2)
    assert r_precision(ranks, 2) == pytest.approx(0.5)
    assert reciprocal_rank(ranks) == 1.0


def test_an_item_never_ranked_lowers_average_precision_and_recall() -> None:
    assert average_precision((2,), 2) == pytest.approx((1 / 2) / 2)
    assert r_precision((2,), 2) == pytest.approx(0.5)


def test_nothing_found() -> None:
    assert (hit_at((), 10), reciprocal_rank(()), average_precision((), 3), ndcg_at((), 3, 10)) == (
        0,
        0,
        0,
        0,
    )
    assert first_rank((), missing=101) == 101


def test_hit_at_k_includes_rank_k() -> None:
    assert (hit_at((5,), 5), hit_at((6,), 5)) == (1.0, 0.0)


def test_ndcg_ignores_items_beyond_k_in_the_ideal_too() -> None:
    assert ndcg_at(tuple(range(1, 11)), 25, 10) == pytest.approx(1.0)


def test_an_excluded_item_leaves_no_gap_in_the_ranks() -> None:
    result = evaluate_ranking(["self", "a", "b", "c"], ["self", "b"], exclude=["self"])
    assert result == QueryResult(ranks=(2,), relevant=1, ranked=3)


def test_a_query_without_relevant_items_is_refused() -> None:
    with pytest.raises(InputError):
        evaluate_ranking(["a"], ["self"], exclude=["self"])


def test_summary_of_two_queries() -> None:
    summary = summarise([QueryResult((1, 3), 2, 10), QueryResult((), 1, 10)])
    assert summary["mAP"] == pytest.approx((1 + 2 / 3) / 4)
    assert summary["hit@1"] == 0.5
    assert (summary["MedR"], summary["MeanR"]) == (6.0, 6.0)
    assert summary["R-precision"] == pytest.approx(0.25)


def test_summary_of_nothing_is_refused() -> None:
    with pytest.raises(InputError):
        summarise([])
