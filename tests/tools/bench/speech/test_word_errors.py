from __future__ import annotations

import pytest

from tools.bench.speech.measure import count_word_errors


@pytest.mark.parametrize(
    ("reference", "transcript", "errors"),
    [
        ("red tea pot", "red tea pot", 0),
        ("red tea pot", "red teapot", 2),
        ("red mug", "a red mug please", 2),
        ("red mug", "", 2),
        ("", "mug", 1),
        ("blue oak chair", "oak blue chair", 2),
    ],
)
def test_word_edits_are_counted(reference: str, transcript: str, errors: int) -> None:
    assert count_word_errors(reference.split(), transcript.split()) == errors
