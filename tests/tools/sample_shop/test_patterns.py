"""Masks of the decoration."""

from __future__ import annotations

import numpy as np
import pytest

from tools.sample_shop.patterns import PATTERNS

U, V = np.random.default_rng(4).uniform(-6, 6, (2, 5000)).astype(np.float32)


@pytest.mark.parametrize("name", PATTERNS)
def test_masks_stay_within_bounds_and_show_both_colours(name: str) -> None:
    mask = PATTERNS[name](U, V)
    assert mask.min() >= 0 and mask.max() <= 1
    assert 0.06 < mask.mean() < 0.7


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - {"terrazzo"}))
def test_patterns_close_around_a_lathe(name: str) -> None:
    moved = PATTERNS[name](U + np.float32(2), V)
    assert (np.abs(moved - PATTERNS[name](U, V)) > 0.02).mean() < 0.002
