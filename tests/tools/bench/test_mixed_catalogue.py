"""Evaluation folders joined into one catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from search.errors import InputError
from tools.bench.mixed_catalogue import SETS, mixed_folder


def write_set(data: Path, name: str, sku: str, query: Mapping[str, object]) -> None:
    folder = data / name
    folder.mkdir(parents=True)
    (folder / "bell.wav").write_bytes(b"sound")
    (folder / "catalog.csv").write_text(f"sku,title,images,audio,video\n{sku},{sku},,bell.wav,\n")
    (folder / "queries.jsonl").write_text(
        json.dumps({"id": f"{name}-0", "relevant": [sku], **query}) + "\n"
    )


def test_sets_become_one_catalogue_and_queries_keep_their_set(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    out.mkdir()
    for number, name in enumerate(SETS):
        # The first two sets share their products, as the sets of sounds do.
        query = {"audio": "bell.wav"} if name == "sound-by-sound" else {"text": "a bell"}
        write_set(data, name, f"sku-{max(number, 1)}", query)
    mixed = mixed_folder(data, out)
    assert [sku for sku, _ in mixed.sounds()] == [f"sku-{number}" for number in range(1, len(SETS))]
    assert all(path.read_bytes() == b"sound" for _, path in mixed.sounds())
    assert {query.category: bool(query.sound) for query in mixed.queries} == {
        name: name == "sound-by-sound" for name in SETS
    }
    assert all(query.file is None or query.file.is_file() for query in mixed.queries)


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    write_set(tmp_path, SETS[0], "sku", {"text": "a bell"})
    with pytest.raises(InputError, match=SETS[1]):
        mixed_folder(tmp_path, tmp_path)
