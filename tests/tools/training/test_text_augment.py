from __future__ import annotations

from pathlib import Path

import numpy as np

from tools.training.examples import LABEL_TEMPLATES, Example
from tools.training.text_augment import (
    COLOURS,
    TextVariations,
    drop_words,
    reorder_parts,
    vary_texts,
)

LONG = "A comfortable navy blue jacket with two pockets and a warm hood"


def test_words_are_dropped_but_never_a_colour_nor_more_than_half() -> None:
    found = {drop_words(LONG, 0.9, np.random.default_rng(seed)) for seed in range(50)}
    assert len(found) > 10
    for text in found:
        words = text.split()
        assert {"navy", "blue"} <= set(words)
        assert len(LONG.split()) / 2 <= len(words) < len(LONG.split())
        assert [word for word in LONG.split() if word in words] == words


def test_short_texts_keep_their_words() -> None:
    assert drop_words("warm winter jacket", 0.99, np.random.default_rng(0)) == "warm winter jacket"


def test_attribute_lists_change_their_order_alone() -> None:
    text = "cotton, long sleeves, slim fit, round neck"
    found = {reorder_parts(text, np.random.default_rng(seed)) for seed in range(20)}
    assert len(found) > 5 and all(
        sorted(one.split(", ")) == sorted(text.split(", ")) for one in found
    )


def test_each_text_is_varied_in_its_own_way() -> None:
    variations = TextVariations(copies=30, dropout=0.3)
    assert set(variations.vary("red mug")) == {
        form.format("red mug") for form in LABEL_TEMPLATES
    } - {"red mug"}
    assert all(one.count(", ") == 2 for one in variations.vary("cotton, slim fit, round neck"))
    assert all(len(one) < len(LONG) for one in variations.vary(LONG))


def test_variations_depend_on_seed_and_text_alone() -> None:
    assert TextVariations(5, seed=1).vary(LONG) == TextVariations(5, seed=1).vary(LONG)
    assert TextVariations(5, seed=1).vary(LONG) != TextVariations(5, seed=2).vary(LONG)
    shared = [Example("f", Path("a"), (LONG, "mug")), Example("f", Path("b"), (LONG,))]
    first, second = vary_texts(shared, TextVariations(12))
    assert (
        first.texts[:2] == (LONG, "mug")
        and set(second.texts) <= set(first.texts)
        and len(second.texts) > 2
    )
    assert vary_texts(shared, TextVariations()) == shared


def test_colours_are_lower_case_words() -> None:
    assert all(colour.isalpha() and colour.islower() for colour in COLOURS)
