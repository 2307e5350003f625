"""Choosing what the shop sells: the seed decides everything, every shelf gets all colours and
shapes in turn.
"""

from __future__ import annotations

import numpy as np

from tools.sample_shop.palette import COLOURS
from tools.sample_shop.product_types import KINDS
from tools.sample_shop.spec import PLAIN, Kind, Spec

METAL_OF = {"gold": "brass", "silver": "steel", "copper": "copper"}
"""A metal's colour is its material."""


def designs(seed: int, count: int) -> list[Spec]:
    """`count` products, shelf by shelf in turn."""
    shelves = [
        _shelf(seed, place, kind, -(-count // len(KINDS))) for place, kind in enumerate(KINDS)
    ]
    return [shelves[k % len(KINDS)][k // len(KINDS)] for k in range(count)]


def _shelf(seed: int, place: int, kind: Kind, count: int) -> list[Spec]:
    rng = np.random.default_rng([seed, place])
    colours, patterns = rng.permutation(len(kind.colours)), rng.permutation(len(kind.patterns))
    shapes, sizes = rng.permutation(len(kind.shapes)), rng.permutation(len(kind.sizes))
    specs = []
    for number in range(count):
        lap = number // len(colours)
        colour = kind.colours[colours[number % len(colours)]]
        shape = int(shapes[(number + lap) % len(shapes)])
        # The step of one more each round keeps shape and pattern from always meeting again.
        pattern = kind.patterns[patterns[(number + number // len(patterns)) % len(patterns)]]
        stuffs = kind.stuffs[min(shape, len(kind.stuffs) - 1)]
        stuff = METAL_OF.get(colour, stuffs[int(rng.integers(len(stuffs)))])
        partners = COLOURS[colour].partners
        specs.append(
            Spec(
                kind=kind.key,
                colour=colour,
                accent=partners[int(rng.integers(len(partners)))],
                stuff=stuff,
                pattern=PLAIN if shape in kind.plain_shapes else pattern,
                shape=shape,
                size=int(sizes[number % len(sizes)]),
                number=int(rng.integers(1_000_000)),
            )
        )
    return specs
