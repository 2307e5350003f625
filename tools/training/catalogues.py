"""Training pairs from a catalogue as the shop imports it: `catalog.jsonl` beside a folder
`media`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.training.examples import LABEL_TEMPLATES, Example

CATALOGUE = "catalog.jsonl"


def read_catalogue(folder: Path) -> Iterator[Example]:
    """Every picture of every product with the product's title, description, kind, colour and
    pattern.
    """
    with (folder / CATALOGUE).open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            texts = tuple(dict.fromkeys(text for text in _texts(row) if text))
            yield from (
                Example(folder.name, folder / "media" / name, texts, row["sku"])
                for name in row["images"]
            )


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    facts = row["attributes"]
    leaf = row["category"].split(" > ")[-1].lower()
    kind = leaf.removesuffix("s")
    colour, pattern = facts.get("colour", ""), facts.get("pattern", "")
    yield from (row["title"], row["description"], leaf)
    yield from (template.format(f"{colour} {kind}".strip()) for template in LABEL_TEMPLATES)
    yield from (f"{pattern} {kind}".strip(), f"{colour} {facts.get('style', kind)}".strip())
    yield f"{colour} {pattern} {facts.get('material', '')} {kind}".strip()
