"""Byte ranges."""

from __future__ import annotations

import io

import pytest

from webapp.shop.http_range import FileWindow, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-9", (0, 9)),
        ("bytes=90-", (90, 99)),
        ("bytes=-5", (95, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=50-500", (50, 99)),
        ("bytes=99-99", (99, 99)),
        ("", None),
        ("bytes=-", None),
        ("bytes=9-2", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_ranges_of_a_hundred_bytes(header: str, span: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=-0"])
def test_ranges_outside_the_file_are_rejected(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, 100)


def test_a_file_window_reads_its_part_and_closes_the_file() -> None:
    file = io.BytesIO(bytes(range(100)))
    window = FileWindow(file, 10, 25)
    assert window.read(20) + window.read(20) + window.read(20) == bytes(range(10, 35))
    window.close()
    assert file.closed
