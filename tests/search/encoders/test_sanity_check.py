"""Encoders that know, half know and know nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

from search.encoders.sanity_check import (
    COLOURS,
    SYNONYMS,
    check_letter_case,
    check_pairs,
    check_pictures,
    check_texts,
)
from search.errors import SelfTestFailed
from search.types import Vectors

PLACES = {name: row for row, pair in enumerate(SYNONYMS) for name in pair}


def one_hot(places: Sequence[int]) -> Vectors:
    return np.eye(16, dtype=np.float32)[list(places)]


def knowing(mistakes: int) -> Callable[[Sequence[str]], Vectors]:
    """Takes the first names of so many pairs for the thing after it."""
    shifted = {pair[0] for pair in SYNONYMS[:mistakes]}
    return lambda texts: one_hot(
        [(PLACES[text] + (text in shifted)) % len(SYNONYMS) for text in texts]
    )


def seen(pictures: Sequence[Image.Image], mistakes: int = 0) -> Vectors:
    """By the colour in the middle; `mistakes` squares are taken for the next colour."""
    palette = [Image.new("RGB", (1, 1), colour).getpixel((0, 0)) for colour in COLOURS]
    places = [palette.index(picture.getpixel((128, 128))) for picture in pictures]
    square = [picture.getpixel((50, 206)) != (128, 128, 128) for picture in pictures]
    moved = [
        place + 1 if is_square and place < mistakes else place
        for place, is_square in zip(places, square, strict=True)
    ]
    return one_hot([place % len(COLOURS) for place in moved])


def read(texts: Sequence[str]) -> Vectors:
    return one_hot(
        [next(row for row, colour in enumerate(COLOURS) if colour in text) for text in texts]
    )


def blind(pictures: Sequence[Image.Image]) -> Vectors:
    return np.full((len(pictures), 16), np.nan, np.float32)


@pytest.mark.parametrize("mistakes", [0, 2])
def test_known_words_pass(mistakes: int) -> None:
    check_texts(knowing(mistakes))


def test_unknown_words_are_reported() -> None:
    with pytest.raises(SelfTestFailed, match="sofa taken for running shoes"):
        check_texts(knowing(3))


@pytest.mark.parametrize("mistakes", [0, 1])
def test_distinguished_colours_pass(mistakes: int) -> None:
    check_pictures(lambda pictures: seen(pictures, mistakes))
    check_pairs(read, lambda pictures: seen(pictures, mistakes))


def test_confused_colours_are_reported() -> None:
    with pytest.raises(SelfTestFailed, match="red taken for green"):
        check_pictures(lambda pictures: seen(pictures, 2))
    with pytest.raises(SelfTestFailed, match="red taken for green"):
        check_pairs(read, lambda pictures: seen(pictures, 2))


def test_a_tower_with_nan_vectors_is_refused() -> None:
    with pytest.raises(SelfTestFailed, match="colours apart"):
        check_pictures(blind)


def test_a_tower_that_depends_on_letter_case_is_refused() -> None:
    check_letter_case(lambda texts: one_hot([len(text) % 16 for text in texts]))
    with pytest.raises(SelfTestFailed, match="capitals"):
        check_letter_case(lambda texts: one_hot([int(text.isupper()) for text in texts]))
