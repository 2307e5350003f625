from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.training.augment import COLOURS, TextVariations, drop_words, reordered, varied
from tools.training.examples import LABEL_TEMPLATES, Example
from tools.training.image_augment import MIRRORED, USUAL, VIEWS, WHOLE, View

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
    found = {reordered(text, np.random.default_rng(seed)) for seed in range(20)}
    assert len(found) > 5 and all(
        sorted(one.split(", ")) == sorted(text.split(", ")) for one in found
    )


def test_each_text_is_varied_in_its_own_way() -> None:
    variations = TextVariations(copies=30, dropout=0.3)
    assert set(variations.of("red mug")) == {form.format("red mug") for form in LABEL_TEMPLATES} - {
        "red mug"
    }
    assert all(one.count(", ") == 2 for one in variations.of("cotton, slim fit, round neck"))
    assert all(len(one) < len(LONG) for one in variations.of(LONG))


def test_variations_depend_on_seed_and_text_alone() -> None:
    assert TextVariations(5, seed=1).of(LONG) == TextVariations(5, seed=1).of(LONG)
    assert TextVariations(5, seed=1).of(LONG) != TextVariations(5, seed=2).of(LONG)
    shared = [Example("f", Path("a"), (LONG, "mug")), Example("f", Path("b"), (LONG,))]
    first, second = varied(shared, TextVariations(12))
    assert (
        first.texts[:2] == (LONG, "mug")
        and set(second.texts) <= set(first.texts)
        and len(second.texts) > 2
    )
    assert varied(shared, TextVariations()) == shared


def test_colours_are_lower_case_words() -> None:
    assert all(colour.isalpha() and colour.islower() for colour in COLOURS)


@pytest.fixture
def picture() -> Image.Image:
    """Red on the left, blue on the right, a green stripe at the top."""
    image = Image.new("RGB", (120, 80), "blue")
    image.paste("red", (0, 0, 60, 80))
    image.paste("lime", (0, 0, 120, 8))
    return image


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in picture.getcolors(1 << 16)}


def test_whole_and_mirrored(picture: Image.Image) -> None:
    assert WHOLE.of(picture) is picture
    assert MIRRORED.of(picture).getpixel((0, 40)) == (0, 0, 255)
    assert USUAL == (WHOLE, MIRRORED) and [list(view.key) for view in USUAL] == [[], ["mirrored"]]


def test_crop_keeps_its_share_of_the_picture(picture: Image.Image) -> None:
    found = View(crop=(0.0, 0.25, 0.5, 1.0)).of(picture)
    assert found.size == (60, 60) and colours(found) == {(255, 0, 0)}


@pytest.mark.parametrize("degrees", [7.0, -7.0, 15.0])
@pytest.mark.parametrize("size", [(200, 200), (300, 100), (100, 300)])
def test_turning_leaves_no_empty_corner(degrees: float, size: tuple[int, int]) -> None:
    found = View(degrees=degrees).of(Image.new("RGB", size, "white"))
    assert colours(found) == {(255, 255, 255)}
    assert found.width > 0.4 * size[0] and abs(found.width / found.height - size[0] / size[1]) < 0.1


def test_every_named_view_is_another_and_keeps_the_colours(picture: Image.Image) -> None:
    assert len({tuple(view.key) for view in VIEWS.values()}) == len(VIEWS)
    middle = Image.new("RGB", (120, 80), (200, 30, 60))
    assert all(colours(view.of(middle)) == {(200, 30, 60)} for view in VIEWS.values())
