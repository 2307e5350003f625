"""Draw a small shop as an evaluation folder.

The first pictures of the products are the catalogue; facts and the second pictures are queries.
The seed is that of the sample shop; the bundled heads were trained on shops of other seeds.
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
PICTURE_SIZE = 96

Row = dict[str, Any]


def draw_shop(out: Path) -> EvaluationFolder:
    """Draw the shop and write its catalogue and queries into `out`."""
    write_sample_shop(out, seed=SEED, products=PRODUCTS, clips=False, workers=1, size=PICTURE_SIZE)
    designs, rows = plan_sample_shop(SEED, PRODUCTS, clips=False)
    with (out / CATALOG).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("sku", "title", "images"))
        writer.writerows((row["sku"], row["sku"], _media_path(row, 0)) for row in rows)
    kinds = [PRODUCT_TYPES_BY_KEY[design.type_key].category[0].lower() for design in designs]
    lines = (
        json.dumps(query) + "\n"
        for query in [*_text_queries(kinds, rows), *_picture_queries(kinds, rows)]
    )
    (out / QUERIES).write_text("".join(lines), encoding="utf-8")
    return read_folder(out)


def _text_queries(kinds: Sequence[str], rows: Sequence[Row]) -> Iterator[Row]:
    """Yield queries for a colour, a style, or a colour and a category."""
    products: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, row in zip(kinds, rows, strict=True):
        colour, style = row["attributes"]["colour"], row["attributes"]["style"]
        for fact in (("colour", colour), ("style", style), ("colour and kind", f"{colour} {kind}")):
            products[fact].append(row["sku"])
    for (category, text), skus in products.items():
        yield {"id": f"{category}: {text}", "text": text, "relevant": skus, "category": category}


def _picture_queries(kinds: Sequence[str], rows: Sequence[Row]) -> Iterator[Row]:
    """Yield a query per product: its second picture, for all products of its category."""
    skus_by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, row in zip(kinds, rows, strict=True):
        skus_by_kind[kind].append(row["sku"])
    for kind, row in zip(kinds, rows, strict=True):
        yield {
            "id": row["sku"],
            "image": _media_path(row, 1),
            "relevant": skus_by_kind[kind],
            "category": "picture",
        }


def _media_path(row: Row, place: int) -> str:
    return f"media/{row['images'][place]}"
