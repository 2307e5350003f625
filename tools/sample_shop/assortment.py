"""Choose the products of the shop from a seed.

Within a product type, colours, shapes, patterns and sizes take turns, so that all of them occur.
"""

from __future__ import annotations

import numpy as np

from tools.sample_shop.design import PLAIN, ProductDesign, ProductType
from tools.sample_shop.palette import COLOURS
from tools.sample_shop.product_types import PRODUCT_TYPES

METAL_OF_COLOUR = {"gold": "brass", "silver": "steel", "copper": "copper"}
"""Material of a product in a metal colour."""


def choose_designs(seed: int, count: int) -> list[ProductDesign]:
    """Return `count` designs; the product types take turns."""
    per_type = -(-count // len(PRODUCT_TYPES))
    by_type = [
        _choose_for_type(seed, place, product_type, per_type)
        for place, product_type in enumerate(PRODUCT_TYPES)
    ]
    return [by_type[k % len(PRODUCT_TYPES)][k // len(PRODUCT_TYPES)] for k in range(count)]


def _choose_for_type(
    seed: int, place: int, product_type: ProductType, count: int
) -> list[ProductDesign]:
    rng = np.random.default_rng([seed, place])
    colours = rng.permutation(len(product_type.colours))
    patterns = rng.permutation(len(product_type.patterns))
    shapes = rng.permutation(len(product_type.shapes))
    sizes = rng.permutation(len(product_type.sizes))
    designs = []
    for number in range(count):
        lap = number // len(colours)
        colour = product_type.colours[colours[number % len(colours)]]
        shape = int(shapes[(number + lap) % len(shapes)])
        # The extra step in each round varies which pattern a shape meets.
        place_of_pattern = patterns[(number + number // len(patterns)) % len(patterns)]
        pattern = product_type.patterns[place_of_pattern]
        materials = product_type.materials[min(shape, len(product_type.materials) - 1)]
        material = METAL_OF_COLOUR.get(colour, materials[int(rng.integers(len(materials)))])
        partners = COLOURS[colour].partners
        designs.append(
            ProductDesign(
                type_key=product_type.key,
                colour=colour,
                accent=partners[int(rng.integers(len(partners)))],
                material=material,
                pattern=PLAIN if shape in product_type.plain_shapes else pattern,
                shape=shape,
                size=int(sizes[number % len(sizes)]),
                number=int(rng.integers(1_000_000)),
            )
        )
    return designs
