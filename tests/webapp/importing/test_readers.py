"""Catalogue files of every format and every kind of damage."""

from __future__ import annotations

import datetime
import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from search.errors import InputError
from webapp.importing.readers import RawRow, ReadLimits, RowError, count_rows, open_rows

ROWS = [
    {"sku": "a1", "title": "Red mug, large", "attr:Colour": "red|blue"},
    {"sku": "a2", "title": 'Lamp "Sun"\nfor two; lines', "attr:Colour": ""},
    {"sku": "a3", "title": "茶杯 ☕", "attr:Colour": "青"},
]


def read(data: bytes, limits: ReadLimits | None = None) -> list[RawRow | RowError]:
    with open_rows(io.BytesIO(data), limits) as file:
        return list(file.rows)


def table(delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    lines = [
        delimiter.join(map(quoted, cells))
        for cells in ([*ROWS[0]], *([*row.values()] for row in ROWS))
    ]
    return "\r\n".join(lines).encode(encoding)


def spreadsheet(*rows: Sequence[Any]) -> bytes:
    book = Workbook()
    sheet = book.create_sheet(index=0)
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(data: bytes, part: str, change: Any) -> bytes:
    """The same spreadsheet with one part rewritten."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(content) if info.filename == part else content)
    return out.getvalue()


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Bytes of the largest memory use in the block."""
    tracemalloc.start()
    seen: list[int] = []
    try:
        yield lambda: seen[0] if seen else tracemalloc.get_traced_memory()[1]
        seen.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_reads_the_same_with_any_delimiter_and_encoding(delimiter: str, encoding: str) -> None:
    rows = read(table(delimiter, encoding))
    assert [row.fields for row in rows] == ROWS
    assert [row.number for row in rows] == [2, 3, 4]


def test_the_three_formats_give_the_same_rows() -> None:
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    sheet = spreadsheet(list(ROWS[0]), *[[value or None for value in row.values()] for row in ROWS])
    assert [row.fields for row in read(lines)] == ROWS
    emptied = [{name: value or None for name, value in row.items()} for row in ROWS]
    assert [row.fields for row in read(sheet)] == emptied


def test_path_stream_and_count_agree(tmp_path: Path) -> None:
    path = tmp_path / "anything.bin"
    path.write_bytes(table())
    stream = io.BytesIO(table())
    assert count_rows(path) == count_rows(stream) == 3
    assert stream.tell() == 0
    with open_rows(path) as file:
        assert (file.kind, file.columns) == ("csv", ("sku", "title", "attr:Colour"))
    assert not stream.closed


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"title,price\nx,1\n", "column sku is missing"),
        (
            b"sku,titel\n",
            r"unknown column: got 'titel'. Did you mean title\? Known columns: sku, title",
        ),
        (b"sku,Title,title\n", "occurs twice: got 'title'"),
        (b'[{"sku": "a"}]', "JSON array"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "old Excel"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "neither text nor"),
        ("sku,title\na,b".encode("utf-16-le"), "neither text nor"),
        (b"PK\x03\x04 is no zip", "spreadsheet cannot be read"),
        (b"sku,t\xefte\n", "unknown column|not UTF-8"),
        (b"sku," + b"attr:x," * 400, "limit of 300 columns"),
        ("sku,title\na,b".encode("utf-16")[:-1], "cannot be decoded from row 2"),
        (spreadsheet(), "column sku is missing"),
        (spreadsheet(["sku", "Preis"]), "unknown column: got 'Preis'"),
    ],
    # A workbook holds the time it was made at, which two test processes would write differently.
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_an_unusable_file_is_refused_with_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(data)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"b,caf\xe9", "title: is not UTF-8"),
        (b"b", r"number of cells differs \(the header has 2\): got 1"),
        (b"b,c,d", r"number of cells differs \(the header has 2\): got 3"),
        (b'b,"c" d', "cannot be read"),
        (b"b," + b"x" * 200, "limit of 100 characters"),
        (b"b," + b"x" * 60, "cannot be read.*field larger than field limit"),
    ],
)
def test_a_bad_csv_row_is_reported_and_the_rest_goes_on(line: bytes, words: str) -> None:
    found = read(b"sku,title\na,1\n" + line + b"\nc,3\n", ReadLimits(line=100, cell=50))
    assert [row.number for row in found] == [2, 3, 4]
    assert isinstance(found[1], RowError)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError("; ".join(map(str, found[1].problems)))
    assert found[2] == RawRow(4, {"sku": "c", "title": "3"})


def test_blank_lines_and_columns_without_name() -> None:
    found = read(b"sku,title,,\n\na,1,,\n,,,\nb,2,x,\n")
    assert [(type(row), row.number) for row in found] == [(RawRow, 3), (RowError, 5)]
    assert isinstance(found[1], RowError) and "without a name" in str(found[1].problems[0])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{nonsense", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"sku": NaN}', "NaN is not allowed"),
        (b'{"sku": "\xff"}', "not UTF-8"),
        (b'{"title": "x"}', "sku: is missing"),
        (b'{"sku": "x", "colour": 1}', "colour: unknown column"),
        (b'{"sku": "x", "SKU": "y"}', "sku: is given twice"),
        (b"[" * 90_000, "not JSON"),
        (b'{"sku": "' + b"x" * 200_000 + b'"}', "limit of 100000 bytes"),
    ],
)
def test_a_bad_json_line_is_reported_and_the_rest_goes_on(line: bytes, words: str) -> None:
    data = b'\xef\xbb\xbf{"sku": "a"}\n' + line + b'\n\n{"sku": "c", "stock": 3}'
    found = read(data, ReadLimits(line=100_000))
    assert [row.number for row in found] == [1, 2, 4]
    assert isinstance(found[1], RowError)
    with pytest.raises(AssertionError, match=words):
        raise AssertionError("; ".join(map(str, found[1].problems)))
    assert found[2] == RawRow(4, {"sku": "c", "stock": 3})


def test_spreadsheet_values_keep_their_types() -> None:
    rows: list[list[Any]] = [
        ["sku", "price", "visible", "attr:made", None],
        [7, 12.5, True, datetime.date(2026, 1, 2)],
        [],
        ["b"],
    ]
    found = read(spreadsheet(*rows))
    assert found[0] == RawRow(
        2, {"sku": 7, "price": 12.5, "visible": True, "attr:made": "2026-01-02T00:00:00"}
    )
    assert found[1] == RawRow(4, {"sku": "b", "price": None, "visible": None, "attr:made": None})


def test_formula_errors_and_stray_cells_are_row_errors() -> None:
    found = read(
        spreadsheet(["sku", "title"], ["a", "#N/A"], ["b", "t", None, "stray"], ["c", "t"])
    )
    assert [type(row) for row in found] == [RowError, RowError, RawRow]
    assert isinstance(found[0], RowError)
    assert "title: is a formula error" in str(found[0].problems[0])


def test_a_wrong_sheet_size_is_ignored() -> None:
    data = repacked(
        spreadsheet(["sku"], ["a"]),
        SHEET,
        lambda xml: xml.replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"'),
    )
    assert read(data) == [RawRow(2, {"sku": "a"})]


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("xl/styles.xml", lambda xml: xml + b" " * 20_000_000, "limit of 16777216 bytes"),
        ("xl/styles.xml", lambda xml: xml + b" " * 9_000_000, "limit of 4194304 bytes"),
        (
            SHEET,
            lambda xml: xml.replace(b"</row>", b"<c/>" * 4_000_000 + b"</row>", 1),
            "limit of 4194304 bytes",
        ),
        (
            SHEET,
            lambda xml: xml.replace(b"<sheetData>", b"<sheetData><!--" + b" " * 9_000_000 + b"-->"),
            "markup",
        ),
        (SHEET, lambda xml: xml[: len(xml) // 2], "cannot be read|broken from row"),
        (SHEET, lambda xml: b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + xml[:40], "cannot be read"),
    ],
)
def test_hostile_spreadsheets_are_refused(part: str, change: Any, words: str) -> None:
    data = repacked(
        spreadsheet(["sku", "title"], *[[f"s{n}", f"t{n}"] for n in range(50)]), part, change
    )
    with traced() as peak, pytest.raises(InputError, match=words):
        read(data, ReadLimits(part_bytes=16 * 1024 * 1024))
    assert peak() < 10_000_000


def test_a_large_valid_spreadsheet_is_read() -> None:
    data = repacked(
        spreadsheet(["sku"], ["a"]),
        SHEET,
        lambda xml: xml.replace(
            b"</sheetData>",
            b"".join(
                b'<row r="%d"><c r="A%d" t="n"><v>%0900d</v></c></row>' % (n, n, 1)
                for n in range(3, 10_003)
            )
            + b"</sheetData>",
        ),
    )
    assert len(read(data)) == 10_001


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}"
        with path.open("w") as out:
            if kind == "csv":
                out.write("sku,title\n")
            for number in range(rows):
                row = {"sku": f"s{number}", "title": "x" * 200}
                out.write(
                    json.dumps(row) + "\n" if kind == "jsonl" else ",".join(row.values()) + "\n"
                )
        with traced() as found:
            assert count_rows(path) == rows
            return found()

    assert peak(8_000) < peak(2_000) + 50_000
