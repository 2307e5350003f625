"""The cost of an import: statements per batch, memory for long files."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.webapp.importing.catalogues import MediaFolder, Row, accept, counts, run
from webapp.catalog.models import Upload
from webapp.importing.service import run_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


def rows(count: int, *, words: str = "") -> list[Row]:
    return [
        {
            "sku": f"S{number:05}",
            "title": f"Product {number} {words}",
            "description": f"About {number} {words}",
            "category": "Kitchen > Mugs",
            "price": "1",
            "currency": "EUR",
            "attr:colour": "red",
            "images": f"{number % 10}.png",
        }
        for number in range(count)
    ]


def statements(content: list[Row], folder: MediaFolder) -> int:
    with CaptureQueriesContext(connection) as captured:
        upload = run(content, media=folder)
    assert upload.error_count == upload.warning_count == 0
    return len(captured)


def test_a_batch_takes_a_bounded_number_of_statements(folder: MediaFolder) -> None:
    for number in range(10):
        folder.picture(f"{number}.png", (number, 0, 0))
    few, many = statements(rows(10), folder), statements(rows(100), folder)
    # SQLite takes 999 values in a statement, so a bulk insert of a hundred wide rows is cut into a
    # few.
    assert many <= few + 20
    assert statements(rows(100), folder) <= 30
    few, many = (
        statements(rows(10, words="new"), folder),
        statements(rows(100, words="newer"), folder),
    )
    assert many <= few + 30


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_memory_does_not_grow_with_the_file() -> None:
    # A savepoint for each batch would keep its name in the statement cache: hence real
    # transactions.
    content = [
        {"sku": f"S{number:05}", "title": f"Product {number}", "brand": "Kiln"}
        for number in range(1600)
    ]
    upload = accept(content)
    del content
    held: dict[int, int] = {}

    def measure(shown: Upload) -> None:
        gc.collect()
        held[shown.next_row] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        upload = run_upload(upload_id=upload.pk, on_progress=measure)
    finally:
        tracemalloc.stop()
    assert counts(upload) == (1600, 0, 0, 0)
    assert held[1600] - held[800] < 150_000
