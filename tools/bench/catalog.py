"""Write a catalogue file from a folder of real pictures with `items.jsonl`."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

from search.errors import InputError

COLUMNS = ("sku", "title", "brand", "category", "images", "attr:colour", "attr:season")


def write_catalog(items: Path, out: Path, rows: int) -> int:
    """Write up to `rows` products of `items`, a file in the format of the myntra dataset.

    Returns the number of products. Raises InputError when there are none.
    """
    with items.open(encoding="utf-8") as lines, out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        written = 0
        for line in itertools.islice(lines, rows):
            item = json.loads(line)
            category = f"{item['masterCategory']} > {item['subCategory']} > {item['articleType']}"
            brand = item["title"].split()[0]
            writer.writerow(
                (
                    item["id"],
                    item["title"],
                    brand,
                    category,
                    item["path"],
                    item["baseColour"],
                    item["season"],
                )
            )
            written += 1
    if not written:
        raise InputError("there are no items to import", value=str(items))
    return written
