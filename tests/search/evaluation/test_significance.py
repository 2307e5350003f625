"""Bootstrap intervals against cases whose answer is known."""

from __future__ import annotations

import time
from math import isnan, sqrt

import numpy as np
import pytest

from search.errors import InputError
from search.evaluation.significance import estimate_mean, paired_differences


def test_two_values_give_the_interval_worked_out_by_hand() -> None:
    # Of 2 draws from {0, 1}, both are 0 with probability 1/4 and both are 1 with 1/4: more than 2.5
    # % on either side.
    found = estimate_mean([0.0, 1.0])
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_many_values_agree_with_the_normal_approximation() -> None:
    values = np.random.default_rng(3).random(2000)
    found = estimate_mean(values.tolist())
    half = 1.96 * values.std() / sqrt(len(values))
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=1e-3
    )


def test_identical_systems_do_not_differ() -> None:
    system = {"a": 0.1, "b": 0.7, "c": 1.0}
    change = estimate_mean(paired_differences(system, system))
    assert (change.value, change.low, change.high, change.is_noise) == (0, 0, 0, True)


def test_a_gain_on_every_query_is_no_noise_though_the_queries_vary_far_more() -> None:
    former = {str(number): number / 60 for number in range(50)}
    now = {name: value + (0.01 if int(name) % 2 else 0.03) for name, value in former.items()}
    change = estimate_mean(paired_differences(now, former))
    assert (
        change.value == pytest.approx(0.02)
        and 0 < change.low < 0.02 < change.high
        and not change.is_noise
    )
    assert (
        estimate_mean(list(former.values())).high
        > change.value + estimate_mean(list(former.values())).value
    )
    assert not estimate_mean(paired_differences(former, now)).is_noise


def test_cancelling_gains_and_losses_are_noise() -> None:
    change = estimate_mean([0.2, -0.2] * 20 + [0.01])
    assert change.value > 0 and change.is_noise


def test_sets_weigh_the_same_whatever_their_size() -> None:
    small, large = [0.0, 1.0] * 5, [0.8] * 1000
    found = estimate_mean(small, large)
    assert found.value == pytest.approx(0.65)
    assert found.high - found.low == pytest.approx(
        (estimate_mean(small).high - estimate_mean(small).low) / 2, abs=0.02
    )


def test_the_same_values_give_the_same_interval() -> None:
    assert estimate_mean([0.1, 0.4, 0.9]) == estimate_mean([0.1, 0.4, 0.9])


def test_a_single_query_has_no_interval() -> None:
    found = estimate_mean([0.5])
    assert isnan(found.low) and isnan(found.high) and found.is_noise


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(InputError):
        estimate_mean([])


def test_different_queries_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="2 queries have a result on one side only"):
        paired_differences({"a": 1.0, "b": 1.0}, {"a": 1.0, "c": 1.0})


def test_thousands_of_queries_take_little_time() -> None:
    values = np.random.default_rng(0).random(5000).tolist()
    started = time.process_time()
    estimate_mean(values)
    assert time.process_time() - started < 2
