from __future__ import annotations

import io
from pathlib import Path

import pytest

from search.errors import MediaUnreadable, MediaUnsupported
from search.media.file_formats import detect_format, sniff_format
from search.types import Modality


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"\0\0\0\x1cftypavif", "avif"),
        (b"\0\0\0\x1cftypM4A ", "m4a"),
        (b"\0\0\0\x1cftypisom", "mp4"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mp4"),
        (b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"ID3\x04\0", "mp3"),
        (b"II*\0\x08\0\0\0", "tiff"),
    ],
)
def test_formats_are_detected_by_their_first_bytes(head: bytes, name: str) -> None:
    found = sniff_format(head)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "head",
    [b"", b"\xff", b"RIFF", b"#EXTM3U\n", b"<svg ", b"\0" * 64, b"PK\x03\x04", b"\xff\xfe,\0"],
)
def test_unknown_bytes_have_no_format(head: bytes) -> None:
    assert sniff_format(head) is None


def test_the_position_of_a_stream_is_restored(tmp_path: Path) -> None:
    stream = io.BytesIO(b"junkfLaC\0\0\0\x22")
    stream.seek(4)
    assert detect_format(stream).kind is Modality.AUDIO
    assert stream.tell() == 4
    (tmp_path / "sound.jpg").write_bytes(b"fLaC\0\0\0\x22")
    assert detect_format(tmp_path / "sound.jpg").kind is Modality.AUDIO


def test_errors_list_the_accepted_formats() -> None:
    with pytest.raises(MediaUnsupported, match=r"got 'heif'. Accepted: JPEG, PNG"):
        detect_format(b"\0\0\0\x18ftypheic")
    with pytest.raises(MediaUnreadable, match="empty"):
        detect_format(b"")
