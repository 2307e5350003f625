from __future__ import annotations

from pathlib import Path

import pytest

from search.config import EngineSettings
from search.encoders.compact.engine import load
from search.encoders.presets import load_preset
from search.errors import ModalityUnsupported
from search.evaluation.encoder_eval import answer_directly
from search.evaluation.folder import EvaluationQuery, read_folder
from search.evaluation.per_query import Answer, extremes, grouped, label_like
from search.evaluation.summary import Judged
from tests.search.evaluation.folders import write_folder, write_sound_folder
from tests.support.encoders import ColourEncoder


def answer(
    name: str, rank: int, *, relevant: int = 1, language: str = "en", category: str = ""
) -> Answer:
    query = EvaluationQuery(name, name, None, ("x",), language, category)
    return Answer(query, Judged((rank,), relevant, 10))


def test_groups_are_sorted_and_leave_out_what_has_no_category() -> None:
    answers = [
        answer("a", 1, language="zh", category="shoes"),
        answer("b", 2),
        answer("c", 4, category="bags"),
    ]
    assert {
        name: [it.query.id for it in found] for name, found in grouped(answers, "language").items()
    } == {
        "en": ["b", "c"],
        "zh": ["a"],
    }
    assert list(grouped(answers, "category")) == ["bags", "shoes"]


def test_extremes_come_from_both_ends_and_never_overlap() -> None:
    answers = [answer(str(rank), rank) for rank in (3, 1, 5, 2, 4)]
    worst, best = extremes(answers, 5)
    assert [it.query.id for it in worst] == ["5", "4"]
    assert [it.query.id for it in best] == ["1", "2"]


def test_labels_have_several_right_answers() -> None:
    assert label_like([answer("a", 1, relevant=5), answer("b", 1, relevant=2)])
    assert not label_like([answer("a", 1), answer("b", 1)])
    shown = EvaluationQuery("a", "", Path("a.jpg"), ("x",), "en", "")
    assert not label_like([Answer(shown, Judged((1,), 5, 10))]), "a file's name says nothing"


def test_directly_a_picture_finds_its_like_and_never_itself(tmp_path: Path) -> None:
    colours = {"R": "#ff0000", "S": "#f02010", "B": "#0000ff", "G": "#00ff00"}
    queries = [
        {"id": "p", "image": "pictures/R.png", "relevant": ["R", "S"]},
        {"id": "q", "image": "pictures/B.png", "relevant": ["G"]},
        {"id": "w", "text": "anything", "relevant": list("RSBG")},
    ]
    folder = read_folder(write_folder(tmp_path / "a", colours, queries))
    found = {answer.query.id: answer.judged for answer in answer_directly(folder, ColourEncoder())}
    assert found["p"] == Judged((1,), 1, 3)
    assert found["q"].relevant == 1 and found["q"].ranked == 3
    assert found["w"] == Judged((1, 2, 3, 4), 4, 4)
    assert pytest.approx(1.0) == Answer(folder.queries[0], found["p"]).average_precision


def test_directly_sounds_are_found_by_words_and_by_their_like(tmp_path: Path) -> None:
    encoder = load(load_preset("compact"), EngineSettings(device="cpu"))
    folder = read_folder(write_sound_folder(tmp_path / "a"))
    found = {answer.query.id: answer.judged for answer in answer_directly(folder, encoder)}
    assert found == {"w": Judged((1,), 1, 3), "s": Judged((1,), 1, 2)}


def test_a_deaf_encoder_cannot_be_asked_about_sounds(tmp_path: Path) -> None:
    with pytest.raises(ModalityUnsupported, match="does not hear"):
        answer_directly(read_folder(write_sound_folder(tmp_path / "a")), ColourEncoder())
