from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.errors import InputError
from search.evaluation.folder import find_folders, read_folder, read_modalities, read_queries
from search.types import Modality
from tests.search.evaluation.folders import write_folder, write_sound_folder

WORDS: dict[str, Any] = {
    "id": "w",
    "text": "red",
    "relevant": ["R"],
    "language": "de",
    "category": "colour",
}
PICTURE: dict[str, Any] = {"id": "p", "image": "pictures/R.png", "relevant": ["R", "B"]}


def test_queries_keep_language_and_category_and_default_to_english(tmp_path: Path) -> None:
    folder = read_folder(write_folder(tmp_path / "a", {"R": "red", "B": "blue"}, [WORDS, PICTURE]))
    words, picture = folder.queries
    assert (words.label, words.language, words.category) == ("red", "de", "colour")
    assert (picture.label, picture.language, picture.category) == ("R.png", "en", "")
    assert folder.pictures() == [(sku, folder.root / "pictures" / f"{sku}.png") for sku in "RB"]


def test_sounds_and_videos_are_media_and_queries(tmp_path: Path) -> None:
    folder = read_folder(write_sound_folder(tmp_path / "a"))
    assert (
        folder.sounds()[0] == ("D1", folder.root / "D1.wav")
        and not folder.videos()
        and not folder.pictures()
    )
    lines = [
        {"id": "s", "audio": "s.wav", "relevant": ["R"]},
        {"id": "v", "video": "v.mp4", "relevant": ["R"]},
    ]
    sound, video = read_folder(write_folder(tmp_path / "b", {"R": "red"}, lines)).queries
    assert (sound.sound, sound.label, sound.text) == (tmp_path / "b" / "s.wav", "s.wav", "")
    with pytest.raises(InputError, match=r"only text and picture queries: got 's\.wav'"):
        read_queries(tmp_path / "b" / "queries.jsonl")
    assert (video.video, video.file) == (tmp_path / "b" / "v.mp4", tmp_path / "b" / "v.mp4")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"id": "x", "relevant": []}, "must have exactly one of text, image, audio, video"),
        (WORDS | {"image": "pictures/R.png"}, "must have exactly one of text, image, audio, video"),
        ({"text": "red", "relevant": ["R"]}, "line 1 is malformed"),
        ({"id": "x", "text": "red"}, "line 1 is malformed"),
        (["red"], "a JSON object|malformed"),
    ],
)
def test_a_malformed_query_is_refused_with_its_line(
    tmp_path: Path, query: Any, problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        read_folder(write_folder(tmp_path / "a", {"R": "red"}, [query]))


def test_two_queries_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2 repeats the id"):
        read_folder(write_folder(tmp_path / "a", {"R": "red"}, [WORDS, WORDS]))


def test_modalities_are_those_of_queries_and_media(tmp_path: Path) -> None:
    pictures = write_folder(tmp_path / "a", {"R": "red", "B": "blue"}, [WORDS])
    assert read_modalities(pictures) == {Modality.TEXT, Modality.PICTURE}
    assert read_modalities(write_sound_folder(tmp_path / "b")) == {Modality.TEXT, Modality.AUDIO}


def test_folders_are_listed_by_name_and_a_folder_is_its_own_result(tmp_path: Path) -> None:
    folders = [write_folder(tmp_path / name, {"R": "red"}, [WORDS]) for name in ("b", "a")]
    assert find_folders(tmp_path) == folders[::-1]
    assert find_folders(folders[0]) == folders[:1]
    with pytest.raises(InputError, match="there is no evaluation folder"):
        find_folders(folders[0] / "pictures")
