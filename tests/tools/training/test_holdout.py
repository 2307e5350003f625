from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.support.paths import DATA
from tools.training.compact import read_training_examples
from tools.training.examples import TEXTS_OF_DATASET, Example
from tools.training.holdout import exclude_held_out, find_held_out_pictures


def picture(path: Path, colour: str, note: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    information = PngImagePlugin.PngInfo()
    information.add_text("note", note)
    Image.new("RGB", (8, 8), colour).save(path, pnginfo=information)
    return path


def evaluation_folder(root: Path, images: str, query: str) -> Path:
    folder = root / "eval" / "shoes"
    folder.mkdir(parents=True)
    with (folder / "catalog.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["sku", "title", "images", "audio", "video"], ["1", "1", images, "", ""]]
        )
    rows = [
        {"id": "q", "image": query, "relevant": ["1"]},
        {"id": "r", "text": "shoe", "relevant": ["1"]},
    ]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root / "eval"


def test_catalogue_and_query_pictures_are_held_out_and_so_are_their_copies(tmp_path: Path) -> None:
    colours = {"one": "red", "two": "green", "query": "blue", "free": "white"}
    for name, colour in colours.items():
        picture(tmp_path / "shop" / f"{name}.png", colour)
    copy = picture(tmp_path / "other" / "copy.png", "green", note="the same pixels in another file")
    evaluation = evaluation_folder(
        tmp_path, "../../shop/one.png|../../shop/two.png", "../../shop/query.png"
    )
    held_out = find_held_out_pictures(evaluation)
    assert {path.stem for path in held_out} == {"one", "two", "query"}
    examples = [Example("shop", tmp_path / "shop" / f"{name}.png", ("x",)) for name in colours]
    kept = exclude_held_out([*examples, Example("other", copy, ("x",))], held_out)
    assert [example.picture.stem for example in kept] == ["free"]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the development data")
def test_no_training_picture_occurs_in_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare paths only: decoding every file for pixel-exact copies would take minutes."""
    monkeypatch.setattr("tools.training.holdout.digest_pixels", str)
    folders = [DATA / name for name in TEXTS_OF_DATASET]
    trained = {
        example.picture.resolve() for example in read_training_examples(folders, DATA / "eval")
    }
    used = set()
    for catalogue in (DATA / "eval").glob("*/catalog.csv"):
        with catalogue.open(newline="") as rows:
            for row in csv.DictReader(rows):
                used |= {(catalogue.parent / name).resolve() for name in row["images"].split("|")}
    splits = [
        json.loads(line) for line in (DATA / "grocery" / "items.jsonl").read_text().splitlines()
    ]
    used |= {(DATA / "grocery" / row["path"]).resolve() for row in splits if row["split"] == "val"}
    assert len(trained) > 10_000
    assert not trained & used
