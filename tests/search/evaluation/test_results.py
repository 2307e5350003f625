from __future__ import annotations

from pathlib import Path

import pytest

from search.config import EngineSettings
from search.encoders.compact.engine import load
from search.encoders.presets import load_preset
from search.errors import ModalityUnsupported
from search.evaluation.encoder_eval import evaluate_encoder
from search.evaluation.folder import EvaluationQuery, read_folder
from search.evaluation.results import (
    EvaluatedQuery,
    QueryResult,
    group_by_facet,
    is_label_set,
    pick_extremes,
)
from tests.search.evaluation.folders import write_folder, write_sound_folder
from tests.support.encoders import ColourEncoder


def evaluated(
    name: str, rank: int, *, relevant: int = 1, language: str = "en", category: str = ""
) -> EvaluatedQuery:
    query = EvaluationQuery(name, name, None, ("x",), language, category)
    return EvaluatedQuery(query, QueryResult((rank,), relevant, 10))


def test_groups_are_sorted_and_skip_queries_without_a_category() -> None:
    queries = [
        evaluated("a", 1, language="zh", category="shoes"),
        evaluated("b", 2),
        evaluated("c", 4, category="bags"),
    ]
    assert {
        name: [each.query.id for each in found]
        for name, found in group_by_facet(queries, "language").items()
    } == {
        "en": ["b", "c"],
        "zh": ["a"],
    }
    assert list(group_by_facet(queries, "category")) == ["bags", "shoes"]


def test_extremes_come_from_both_ends_and_never_overlap() -> None:
    queries = [evaluated(str(rank), rank) for rank in (3, 1, 5, 2, 4)]
    worst, best = pick_extremes(queries, 5)
    assert [each.query.id for each in worst] == ["5", "4"]
    assert [each.query.id for each in best] == ["1", "2"]


def test_a_label_set_has_several_relevant_items_per_text_query() -> None:
    assert is_label_set([evaluated("a", 1, relevant=5), evaluated("b", 1, relevant=2)])
    assert not is_label_set([evaluated("a", 1), evaluated("b", 1)])
    shown = EvaluationQuery("a", "", Path("a.jpg"), ("x",), "en", "")
    assert not is_label_set([EvaluatedQuery(shown, QueryResult((1,), 5, 10))]), (
        "a file's name says nothing"
    )


def test_a_picture_query_finds_similar_pictures_and_never_itself(tmp_path: Path) -> None:
    colours = {"R": "#ff0000", "S": "#f02010", "B": "#0000ff", "G": "#00ff00"}
    queries = [
        {"id": "p", "image": "pictures/R.png", "relevant": ["R", "S"]},
        {"id": "q", "image": "pictures/B.png", "relevant": ["G"]},
        {"id": "w", "text": "anything", "relevant": list("RSBG")},
    ]
    folder = read_folder(write_folder(tmp_path / "a", colours, queries))
    found = {each.query.id: each.result for each in evaluate_encoder(folder, ColourEncoder())}
    assert found["p"] == QueryResult((1,), 1, 3)
    assert found["q"].relevant == 1 and found["q"].ranked == 3
    assert found["w"] == QueryResult((1, 2, 3, 4), 4, 4)
    assert pytest.approx(1.0) == EvaluatedQuery(folder.queries[0], found["p"]).average_precision


def test_sounds_are_found_by_text_and_by_similar_sounds(tmp_path: Path) -> None:
    encoder = load(load_preset("compact"), EngineSettings(device="cpu"))
    folder = read_folder(write_sound_folder(tmp_path / "a"))
    found = {each.query.id: each.result for each in evaluate_encoder(folder, encoder)}
    assert found == {"w": QueryResult((1,), 1, 3), "s": QueryResult((1,), 1, 2)}


def test_sounds_need_an_audio_tower(tmp_path: Path) -> None:
    with pytest.raises(ModalityUnsupported, match="does not support audio"):
        evaluate_encoder(read_folder(write_sound_folder(tmp_path / "a")), ColourEncoder())
