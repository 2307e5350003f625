"""A shop of coloured pictures, from which an encoder can learn the words for colours."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from tests.support.catalogue import add_product
from webapp.catalog.models import Category, Product

COLOURS = {
    "red": (200, 30, 30), "green": (30, 160, 50), "blue": (40, 60, 200), "yellow": (230, 210, 40),
    "purple": (130, 40, 150), "orange": (240, 130, 20), "white": (240, 240, 240),
    "black": (20, 20, 20),
}  # fmt: skip
KINDS = ("mugs", "plates", "bowls")


def picture(colour: str, seed: int) -> bytes:
    """A PNG of patches around a colour, different for every seed."""
    rng = np.random.default_rng(seed)
    cells = np.clip(np.array(COLOURS[colour]) + rng.normal(0, 25, (4, 4, 3)), 0, 255).astype(
        np.uint8
    )
    file = io.BytesIO()
    Image.fromarray(cells).resize((16, 16), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def fill_shop(
    count: int, *, space: str, said: Callable[[int, str], str] = lambda n, colour: colour
) -> Sequence[Product]:
    """Add products of each colour and kind in turn.

    `said` gives the colour that the catalogue claims, by default the true one.
    """
    roots = {
        kind: Category.objects.add_root({"name": kind.title(), "slug": kind}) for kind in KINDS
    }
    products = []
    for n in range(count):
        colour, kind = list(COLOURS)[n % len(COLOURS)], KINDS[n % len(KINDS)]
        claimed = said(n, colour)
        title = f"{claimed} {kind} number{n}"
        product = add_product(f"p{n}", title=title, pictures=[picture(colour, n)], space=space)
        product.category, product.attributes = roots[kind], {"colour": claimed}
        product.save(update_fields=["category", "attributes"])
        products.append(product)
    return products
