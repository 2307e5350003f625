"""A small drawn shop as an evaluation folder: first pictures are the catalogue, facts and second
pictures ask.

The seed is the sample shop's own, which the bundled heads never saw: they were trained on
drawings of other seeds.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from search.evaluation.folder import CATALOG, QUERIES, EvaluationFolder, read_folder
from tools.sample_shop.product_types import PRODUCT_TYPES_BY_KEY
from tools.sample_shop.writer import plan_sample_shop, write_sample_shop

SEED = 7
PRODUCTS = 72
SIDE = 96

Row = dict[str, Any]


def draw_shop(out: Path) -> EvaluationFolder:
    """Draw the shop and write its catalogue and queries into `out`."""
    write_sample_shop(out, seed=SEED, products=PRODUCTS, clips=False, workers=1, size=SIDE)
    designs, rows = plan_sample_shop(SEED, PRODUCTS, clips=False)
    with (out / CATALOG).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("sku", "title", "images"))
        writer.writerows((row["sku"], row["sku"], _media(row, 0)) for row in rows)
    kinds = [PRODUCT_TYPES_BY_KEY[design.type_key].category[0].lower() for design in designs]
    lines = (
        json.dumps(query) + "\n" for query in [*_by_words(kinds, rows), *_by_picture(kinds, rows)]
    )
    (out / QUERIES).write_text("".join(lines), encoding="utf-8")
    return read_folder(out)


def _by_words(kinds: Sequence[str], rows: Sequence[Row]) -> Iterator[Row]:
    """A colour, a style, or colour and kind ask for every product that is so."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, row in zip(kinds, rows, strict=True):
        colour, style = row["attributes"]["colour"], row["attributes"]["style"]
        for fact in (("colour", colour), ("style", style), ("colour and kind", f"{colour} {kind}")):
            found[fact].append(row["sku"])
    for (category, text), skus in found.items():
        yield {"id": f"{category}: {text}", "text": text, "relevant": skus, "category": category}


def _by_picture(kinds: Sequence[str], rows: Sequence[Row]) -> Iterator[Row]:
    """A product's second picture asks for every product of its kind."""
    shelves: dict[str, list[str]] = defaultdict(list)
    for kind, row in zip(kinds, rows, strict=True):
        shelves[kind].append(row["sku"])
    for kind, row in zip(kinds, rows, strict=True):
        yield {
            "id": row["sku"],
            "image": _media(row, 1),
            "relevant": shelves[kind],
            "category": "picture",
        }


def _media(row: Row, place: int) -> str:
    return f"media/{row['images'][place]}"
