from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tools.training.image_augment import DEFAULT_VIEWS, MIRRORED, VIEWS, WHOLE, View


@pytest.fixture
def picture() -> Image.Image:
    """Red on the left, blue on the right, a green stripe at the top."""
    image = Image.new("RGB", (120, 80), "blue")
    image.paste("red", (0, 0, 60, 80))
    image.paste("lime", (0, 0, 120, 8))
    return image


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in np.asarray(picture).reshape(-1, 3).tolist()}


def test_whole_and_mirrored(picture: Image.Image) -> None:
    assert WHOLE.apply(picture) is picture
    assert MIRRORED.apply(picture).getpixel((0, 40)) == (0, 0, 255)
    assert DEFAULT_VIEWS == (WHOLE, MIRRORED) and [list(view.key) for view in DEFAULT_VIEWS] == [
        [],
        ["mirrored"],
    ]


def test_crop_keeps_its_share_of_the_picture(picture: Image.Image) -> None:
    found = View(crop=(0.0, 0.25, 0.5, 1.0)).apply(picture)
    assert found.size == (60, 60) and colours(found) == {(255, 0, 0)}


@pytest.mark.parametrize("degrees", [7.0, -7.0, 15.0])
@pytest.mark.parametrize("size", [(200, 200), (300, 100), (100, 300)])
def test_a_rotation_leaves_no_empty_corner(degrees: float, size: tuple[int, int]) -> None:
    found = View(degrees=degrees).apply(Image.new("RGB", size, "white"))
    assert colours(found) == {(255, 255, 255)}
    assert found.width > 0.4 * size[0] and abs(found.width / found.height - size[0] / size[1]) < 0.1


def test_named_views_are_distinct_and_keep_the_colours(picture: Image.Image) -> None:
    assert len({tuple(view.key) for view in VIEWS.values()}) == len(VIEWS)
    middle = Image.new("RGB", (120, 80), (200, 30, 60))
    assert all(colours(view.apply(middle)) == {(200, 30, 60)} for view in VIEWS.values())
