"""Draw products as an evaluation folder; their titles are the queries."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from search.evaluation.folder import CATALOG, QUERIES, EvaluationFolder, read_folder
from tools.sample_shop.writer import plan_sample_shop, write_sample_shop

SEED = 7


def draw_folder(out: Path, products: int, size: int) -> EvaluationFolder:
    """Draw the first `products` of the sample shop, `size` pixels wide, into `out`."""
    write_sample_shop(out, seed=SEED, products=products, clips=False, size=size)
    _, rows = plan_sample_shop(SEED, products, clips=False)
    with (out / CATALOG).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("sku", "images"))
        writer.writerows(
            (row["sku"], "|".join(f"media/{name}" for name in row["images"])) for row in rows
        )
    queries = [{"id": row["sku"], "text": row["title"], "relevant": [row["sku"]]} for row in rows]
    (out / QUERIES).write_text(
        "".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8"
    )
    return read_folder(out)
