"""Tiny evaluation folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image


def write_folder(root: Path, products: Mapping[str, str], queries: Sequence[Mapping[str, Any]]) -> Path:
    """A folder whose products, sku → colour, are plain pictures; queries are written as they are."""
    (root / "pictures").mkdir(parents=True)
    lines = ["sku,title,images,audio,video"]
    for sku, colour in products.items():
        Image.new("RGB", (48, 48), colour).save(root / "pictures" / f"{sku}.png")
        lines.append(f"{sku},{sku},pictures/{sku}.png,,")
    (root / "catalog.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
    return root


def write_sound_folder(root: Path) -> Path:
    """A folder that is asked by words for products with sounds."""
    root.mkdir(parents=True)
    (root / "catalog.csv").write_text("sku,title,images,audio,video\nS1,S1,,dog.ogg,\n", encoding="utf-8")
    query = {"id": "s", "text": "a dog barks", "relevant": ["S1"]}
    (root / "queries.jsonl").write_text(json.dumps(query) + "\n", encoding="utf-8")
    return root
