from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from search.errors import ConfigError
from tools.training.examples import (
    Example,
    build_truth_table,
    list_distinct_texts,
    number_groups,
    read_catalogue,
    read_examples,
)


def write_rows(path: Path, *rows: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_unknown_folder_gives_its_own_texts(tmp_path: Path) -> None:
    write_rows(
        tmp_path / "items.jsonl",
        {"path": "a.jpg", "texts": [" red \n mug ", "red mug", ""]},
        {"path": "b.jpg", "texts": []},
    )
    (only,) = read_examples(tmp_path)
    assert only.picture == tmp_path / "a.jpg" and only.texts == ("red mug",)


def test_missing_listing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"items\.jsonl"):
        read_examples(tmp_path)


def test_clothing_labels_become_texts_and_wordless_labels_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "clothing"
    write_rows(
        folder / "items.jsonl",
        {"path": "1.jpg", "label": "T-Shirt", "kids": True},
        {"path": "2.jpg", "label": "Not sure", "kids": False},
        {"path": "3.jpg", "label": None, "kids": False},
    )
    (only,) = read_examples(folder)
    assert {"t-shirt", "t shirt", "a photo of a t-shirt", "children's t-shirt"} <= set(only.texts)


def test_catalogue_gives_every_picture_of_a_product(tmp_path: Path) -> None:
    write_rows(
        tmp_path / "catalog.jsonl",
        {
            "sku": "M-1",
            "title": "Red mug",
            "description": "A mug.",
            "category": "Kitchen > Mugs",
            "images": ["a.jpg", "b.jpg"],
            "attributes": {"colour": "red", "pattern": "dotted"},
        },
    )
    first, second = read_catalogue(tmp_path)
    assert first.group == second.group == "M-1"
    assert (first.picture, second.picture) == (
        tmp_path / "media" / "a.jpg",
        tmp_path / "media" / "b.jpg",
    )
    assert {"Red mug", "mugs", "red mug", "a photo of a red mug", "dotted mug"} <= set(first.texts)


def test_pictures_of_a_product_are_of_one_group(tmp_path: Path) -> None:
    folder = tmp_path / "myntra"
    row = {"articleType": "Shirts", "gender": "Men", "baseColour": "Blue", "title": "Blue Shirt"}
    write_rows(
        folder / "items.jsonl",
        *({**row, "path": f"{name}.jpg"} for name in "ab"),
        {**row, "path": "c.jpg", "title": "Red Shirt"},
    )
    write_rows(
        tmp_path / "own" / "items.jsonl",
        {"path": "a.jpg", "texts": ["x"]},
        {"path": "b.jpg", "texts": ["x"]},
        {"path": "c.jpg", "texts": ["y"], "group": 7},
        {"path": "d.jpg", "texts": ["z"], "group": 7},
    )
    examples = read_examples(folder) + read_examples(tmp_path / "own")
    assert number_groups(examples).tolist() == [0, 0, 1, 2, 3, 4, 4]


def test_truth_table_has_one_column_for_each_text() -> None:
    examples = [Example("f", Path("a"), ("mug", "red mug")), Example("f", Path("b"), ("mug",))]
    texts = list_distinct_texts(examples)
    assert texts == ["mug", "red mug"]
    assert build_truth_table(examples, texts).toarray().tolist() == [[1, 1], [1, 0]]
