"""Tiny evaluation folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tools.sample_shop.sounds import write_sound


def write_folder(
    root: Path, products: Mapping[str, str], queries: Sequence[Mapping[str, Any]]
) -> Path:
    """A folder whose products, sku → colour, are plain pictures; queries are written as they
    are."""
    (root / "pictures").mkdir(parents=True)
    lines = ["sku,title,images,audio,video"]
    for sku, colour in products.items():
        Image.new("RGB", (48, 48), colour).save(root / "pictures" / f"{sku}.png")
        lines.append(f"{sku},{sku},pictures/{sku}.png,,")
    (root / "catalog.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "queries.jsonl").write_text(
        "".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8"
    )
    return root


def write_sound_folder(root: Path) -> Path:
    """A folder of drums and a bell, with a text query and a query by one of its own sounds."""
    root.mkdir(parents=True)
    lines = ["sku,title,images,audio,video"]
    for sku, kind, seed in (("D1", "drum", 1), ("D2", "drum", 2), ("B1", "bell", 1)):
        write_sound(kind, seed, root / f"{sku}.wav")
        lines.append(f"{sku},{sku},,{sku}.wav,")
    (root / "catalog.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    queries = [
        {"id": "w", "text": "a bell rings", "relevant": ["B1"]},
        {"id": "s", "audio": "D1.wav", "relevant": ["D1", "D2"]},
    ]
    (root / "queries.jsonl").write_text(
        "".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8"
    )
    return root
