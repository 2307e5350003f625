"""The folder that the sample shop is written to."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from PIL import Image

from tools.sample_shop.writer import plan_sample_shop, write_sample_shop
from webapp.importing.columns import read_columns

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def small_shop(
    out: Path, *, seed: int = 7, workers: int = 1, clips: bool = True
) -> dict[str, bytes]:
    write_sample_shop(out, seed=seed, products=3, workers=workers, size=32, clips=clips)
    return contents(out)


def test_the_bytes_depend_on_the_seed_and_not_on_the_workers(tmp_path: Path) -> None:
    alone = small_shop(tmp_path / "a")
    assert alone == small_shop(tmp_path / "b", workers=2)
    assert {Path(name).suffix for name in alone} == {".jsonl", ".jpg", ".wav", ".mp4"}


def test_another_seed_gives_other_products(tmp_path: Path) -> None:
    first, second = (small_shop(tmp_path / str(seed), seed=seed, clips=False) for seed in (7, 8))
    shared = {name for name in first.keys() & second.keys() if first[name] == second[name]}
    assert not shared


def test_rows_name_files_that_exist_and_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    catalog = write_sample_shop(
        tmp_path,
        products=3,
        clips=False,
        workers=1,
        size=40,
        progress=lambda done, total: seen.append((done, total)),
    )
    rows = [json.loads(line) for line in catalog.read_text(encoding="utf-8").splitlines()]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert [row["audio"] + row["video"] for row in rows] == [[], [], []]
    for row in rows:
        assert len(row["images"]) == 2
        for name in row["images"]:
            with Image.open(tmp_path / "media" / name) as picture:
                assert picture.size == (40, 40)


@pytest.mark.parametrize("seed", [7, 8])
def test_the_rows_are_those_of_a_plausible_shop(seed: int) -> None:
    _, rows = plan_sample_shop(seed, 320, True)
    assert len(rows) == 320
    for key in ("sku", "title", "title_zh"):
        assert len({row[key] for row in rows}) == 320, key
    assert len({row["category"] for row in rows}) >= 14
    assert len({row["brand"] for row in rows}) >= 8
    assert {row["currency"] for row in rows} == {"EUR"}
    assert 0 < sum(row["stock"] == 0 for row in rows) < 64
    assert all(Decimal("1") < Decimal(row["price"]) < Decimal("3000") for row in rows)
    assert 12 <= sum(len(row["audio"]) for row in rows) <= 18
    assert sum(len(row["video"]) for row in rows) == 8


def test_both_languages_say_colour_and_category() -> None:
    _, rows = plan_sample_shop(7, 320, True)
    for row in rows:
        assert row["attributes"]["colour"] in row["title"].lower()
        assert not CHINESE.search(row["title"] + row["description"])
        assert CHINESE.search(row["title_zh"]) and CHINESE.search(row["description_zh"])
        assert row["category"].count(" > ") == row["category_zh"].count(" > ") == 1


def test_the_import_knows_every_column() -> None:
    _, rows = plan_sample_shop(7, 24, True)
    assert set(read_columns(list(rows[0]))) == set(rows[0])


def test_command_writes_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("make_sample_shop", out=tmp_path, products=1, no_clips=True, workers=1)
    assert len(contents(tmp_path)) == 3
    assert "import_catalog" in capsys.readouterr().out
