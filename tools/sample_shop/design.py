"""Design of a product, and the product types that a design is chosen from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.sample_shop.finishes import Finish
from tools.sample_shop.materials import MATERIALS
from tools.sample_shop.model import Model, Painter, wrap_pattern_around
from tools.sample_shop.palette import COLOURS

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class ProductDesign:
    """What is drawn and described: one choice of every property of a product type.

    `shape` and `size` are indexes into the shapes and sizes of the product type.
    """

    type_key: str
    colour: str
    accent: str
    material: str
    pattern: str
    shape: int
    size: int
    number: int

    @property
    def base_colour(self) -> str:
        return COLOURS[self.colour].hex

    @property
    def accent_colour(self) -> str:
        return COLOURS[self.accent].hex

    @property
    def finish(self) -> Finish:
        return MATERIALS[self.material].finish

    def wrap_pattern(
        self, cell: float, radius: float, low: float = -9, high: float = 9
    ) -> Painter | None:
        """Return a painter that wraps the pattern around y, or None if it does not repeat."""
        return wrap_pattern_around(self.pattern, cell, radius, low, high)


Bilingual = tuple[str, str]
"""The same text in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class ProductType:
    """A product type: which properties its products may have, and how they are drawn.

    `shapes` holds the names of the product. `materials` holds the possible materials of each
    shape; the last entry applies to all further shapes. Shapes in `plain_shapes` have no pattern.
    An `accented` type shows its second colour even without a pattern. `price` is the range in EUR
    of the smallest size in an ordinary material.
    """

    key: str
    prefix: str
    department: Bilingual
    category: Bilingual
    build: Callable[[ProductDesign], Model]
    colours: tuple[str, ...]
    materials: tuple[tuple[str, ...], ...]
    patterns: tuple[str, ...]
    shapes: tuple[Bilingual, ...]
    sizes: tuple[Bilingual, ...]
    price: tuple[float, float]
    uses: tuple[Bilingual, ...]
    plain_shapes: frozenset[int] = frozenset()
    accented: bool = False
