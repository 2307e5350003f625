from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.errors import InputError
from search.evaluation.folder import folders_in, modalities_of, read_folder
from search.types import Modality
from tests.search.evaluation.folders import write_folder, write_sound_folder

WORDS: dict[str, Any] = {"id": "w", "text": "red", "relevant": ["R"], "language": "de", "category": "colour"}
PICTURE: dict[str, Any] = {"id": "p", "image": "pictures/R.png", "relevant": ["R", "B"]}


def test_queries_keep_language_and_category_and_default_to_english(tmp_path: Path) -> None:
    folder = read_folder(write_folder(tmp_path / "a", {"R": "red", "B": "blue"}, [WORDS, PICTURE]))
    words, picture = folder.queries
    assert (words.asked, words.language, words.category) == ("red", "de", "colour")
    assert (picture.asked, picture.language, picture.category) == ("R.png", "en", "")
    assert folder.pictures() == [(sku, folder.root / "pictures" / f"{sku}.png") for sku in "RB"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"id": "x", "relevant": []}, "must ask by text or by image"),
        (WORDS | {"image": "pictures/R.png"}, "must ask by text or by image"),
        ({"text": "red", "relevant": ["R"]}, "line 1 is malformed"),
        ({"id": "x", "text": "red"}, "line 1 is malformed"),
        (["red"], "a JSON object|malformed"),
    ],
)
def test_a_malformed_query_is_refused_with_its_line(tmp_path: Path, query: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read_folder(write_folder(tmp_path / "a", {"R": "red"}, [query]))


def test_two_queries_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2 repeats the id"):
        read_folder(write_folder(tmp_path / "a", {"R": "red"}, [WORDS, WORDS]))


def test_modalities_are_what_is_asked_by_and_what_is_shown(tmp_path: Path) -> None:
    pictures = write_folder(tmp_path / "a", {"R": "red", "B": "blue"}, [WORDS])
    assert modalities_of(pictures) == {Modality.TEXT, Modality.PICTURE}
    assert modalities_of(write_sound_folder(tmp_path / "b")) == {Modality.TEXT, Modality.AUDIO}


def test_folders_are_found_by_name_and_one_is_itself(tmp_path: Path) -> None:
    folders = [write_folder(tmp_path / name, {"R": "red"}, [WORDS]) for name in ("b", "a")]
    assert folders_in(tmp_path) == folders[::-1]
    assert folders_in(folders[0]) == folders[:1]
    with pytest.raises(InputError, match="there is no evaluation folder"):
        folders_in(folders[0] / "pictures")
