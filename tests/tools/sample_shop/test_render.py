"""Pictures: every product_type shows, whole, in its own colour."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from tools.sample_shop.design import PLAIN, ProductDesign, ProductType
from tools.sample_shop.model import add_point_cloud
from tools.sample_shop.palette import COLOURS
from tools.sample_shop.product_types import PRODUCT_TYPES, PRODUCT_TYPES_BY_KEY
from tools.sample_shop.render import Pixels, render_photo

PAPER = "#dfe6e8"


def plain(product_type: str, colour: str, material: str) -> ProductDesign:
    return ProductDesign(
        product_type, colour, COLOURS[colour].partners[0], material, PLAIN, 0, 0, 1
    )


def picture(design: ProductDesign, size: int = 72) -> Pixels:
    model = add_point_cloud(PRODUCT_TYPES_BY_KEY[design.type_key].build(design))
    return render_photo(model, model.views[0], PAPER, size)


@pytest.mark.parametrize(
    ("product_type", "shape"),
    [
        (product_type, shape)
        for product_type in PRODUCT_TYPES
        for shape in range(len(product_type.shapes))
    ],
    ids=lambda value: value.key if isinstance(value, ProductType) else str(value),
)
def test_every_shape_fills_the_frame(product_type: ProductType, shape: int) -> None:
    material = product_type.materials[min(shape, len(product_type.materials) - 1)][0]
    pixels = picture(
        ProductDesign(product_type.key, "red", "yellow", material, PLAIN, shape, 0, 2), 64
    ).astype(int)
    # Paper and shadow are grey, so colour or darkness marks the product.
    chroma = pixels.max(axis=2) - pixels.min(axis=2)
    product = (chroma > 45) | (pixels.max(axis=2) < 70)
    rows, columns = product.any(axis=1).nonzero()[0], product.any(axis=0).nonzero()[0]
    assert max(np.ptp(rows), np.ptp(columns)) > 0.48 * 64
    assert min(rows[0], columns[0], 63 - rows[-1], 63 - columns[-1]) >= 2
    assert (chroma > 90).mean() > 0.03


@pytest.mark.parametrize(
    ("product_type", "material"), [("mug", "porcelain"), ("sofa", "velvet"), ("duck", "rubber")]
)
@pytest.mark.parametrize(
    ("colour", "hue"), [("red", 0), ("yellow", 47), ("green", 128), ("blue", 217)]
)
def test_a_product_has_the_hue_of_its_colour(
    product_type: str, material: str, colour: str, hue: int
) -> None:
    pixels = picture(plain(product_type, colour, material), 56).reshape(-1, 3) / 255
    hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels])
    vivid = hsv[hsv[:, 1] > 0.35]
    off = np.abs((vivid[:, 0] * 360 - hue + 180) % 360 - 180)
    assert len(vivid) > 0.12 * len(pixels)
    assert (off < 18).mean() > 0.75


def test_a_pattern_adds_the_accent() -> None:
    bare = ProductDesign("mug", "red", "white", "porcelain", PLAIN, 0, 0, 1)
    dotted = ProductDesign("mug", "red", "white", "porcelain", "dotted", 0, 0, 1)
    changed = np.abs(picture(bare).astype(int) - picture(dotted).astype(int)).max(axis=2) > 60
    assert 0.02 < changed.mean() < 0.3


def test_spin_shows_another_side_in_the_same_frame() -> None:
    model = add_point_cloud(PRODUCT_TYPES_BY_KEY["car"].build(plain("car", "red", "tin")))
    front, turned = (render_photo(model, model.views[0], PAPER, 48, spin=spin) for spin in (0, 90))
    assert np.abs(front.astype(int) - turned.astype(int)).mean() > 5


def test_the_shadow_darkens_the_backdrop() -> None:
    pixels = picture(plain("ball", "white", "rubber")).astype(int)
    assert pixels[60, 66].mean() < pixels[60, 3].mean() - 12
