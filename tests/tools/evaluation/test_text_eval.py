from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from search.config import EngineSettings
from search.encoders.compact.engine import load
from search.encoders.presets import load_preset
from tools.evaluation.text_eval import (
    TextSet,
    average_precisions,
    compare_spaces,
    main,
    read_text_sets,
)


def test_equal_texts_are_merged() -> None:
    texts = TextSet.from_pairs(
        "t", [("mug", "holds tea"), ("mug", "has a handle"), ("cup", "holds tea")]
    )
    assert texts.queries == ("mug", "cup") and texts.documents == ("holds tea", "has a handle")
    assert texts.relevant.tolist() == [[True, True], [True, False]]


def test_precision_of_a_ranking_worked_out_by_hand() -> None:
    queries = np.array([[1.0, 0.0]], np.float32)
    documents = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]], np.float32)
    # Ranked 0, 2, 1; right are the first and the last: (1/1 + 2/3) / 2.
    assert average_precisions(queries, documents, np.array([[True, True, False]])) == [
        pytest.approx(5 / 6)
    ]


def test_the_bundled_space_is_compared_with_its_text_tower() -> None:
    pairs = [
        ("red mug", "a crimson cup for tea"),
        ("sofa", "seats three people"),
        ("lamp", "lights up a desk"),
    ]
    result = compare_spaces(
        TextSet.from_pairs("t", pairs), load(load_preset("compact"), EngineSettings(device="cpu"))
    )
    assert result.queries == 3 and 0 < result.tower <= 1 and 0 < result.space <= 1
    assert result.difference.value == pytest.approx(result.space - result.tower)


def test_missing_folders_are_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data", str(tmp_path)])
    assert "nothing to compare" in capsys.readouterr().out
    (tmp_path / "grocery").mkdir()
    rows = [{"fine": "Green-Apple", "description": "Crisp."}, {"fine": "Milk", "description": None}]
    (tmp_path / "grocery" / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (texts,) = read_text_sets(tmp_path)
    assert (texts.name, texts.queries, texts.documents) == (
        "grocery",
        ("green apple",),
        ("Crisp.",),
    )
