"""What a product is, before it is drawn or described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.sample_shop.finishes import Finish
from tools.sample_shop.materials import STUFFS
from tools.sample_shop.model import Model, Painter, wrap
from tools.sample_shop.palette import COLOURS

PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Spec:
    """One product's design. `shape` and `size` index into the kind's shapes and sizes."""

    kind: str
    colour: str
    accent: str
    stuff: str
    pattern: str
    shape: int
    size: int
    number: int

    @property
    def base(self) -> str:
        return COLOURS[self.colour].hex

    @property
    def second(self) -> str:
        return COLOURS[self.accent].hex

    @property
    def finish(self) -> Finish:
        return STUFFS[self.stuff].finish

    def wound(self, cell: float, radius: float, low: float = -9, high: float = 9) -> Painter | None:
        """The pattern wound around the product, if it is one that repeats."""
        return wrap(self.pattern, cell, radius, low, high)


Words = tuple[str, str]
"""The same in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A shelf of the shop: what may be chosen for a product there and how it is drawn.

    `shapes` are what the product is called. `stuffs` holds one choice of materials for every
    shape, the last one for all further shapes. `plain_shapes` take no pattern; `accented` kinds
    show their second colour even when plain. `price` is the range in EUR for the smallest size
    of an ordinary material.
    """

    key: str
    prefix: str
    department: Words
    category: Words
    build: Callable[[Spec], Model]
    colours: tuple[str, ...]
    stuffs: tuple[tuple[str, ...], ...]
    patterns: tuple[str, ...]
    shapes: tuple[Words, ...]
    sizes: tuple[Words, ...]
    price: tuple[float, float]
    uses: tuple[Words, ...]
    plain_shapes: frozenset[int] = frozenset()
    accented: bool = False
