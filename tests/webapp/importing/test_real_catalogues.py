"""Evaluation catalogues of the development data: all rows are valid and their media open."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.config import EngineSettings
from search.media.inspect import inspect_media
from search.media.limits import MediaLimits
from search.types import Modality
from tests.support.paths import DATA
from webapp.importing.media_sources import FolderMedia, MediaResolver
from webapp.importing.readers import RawRow, open_rows
from webapp.importing.schema import ProductRow, parse_row, problems_for_new

MAX_OPENED = 3
"""Files that are opened for each column and catalogue."""

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs the development data"),
]


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in DATA.glob("eval/*/catalog.csv")), ids=lambda p: p.name
)
def test_every_row_is_valid_and_its_media_open(folder: Path) -> None:
    limits = MediaLimits.from_settings(EngineSettings())
    files = MediaResolver(FolderMedia(DATA, limits.max_bytes, base=folder), None)
    columns = {"images": Modality.PICTURE, "audio": Modality.AUDIO, "video": Modality.VIDEO}
    opened = dict.fromkeys(columns, 0)
    with open_rows(folder / "catalog.csv") as catalogue:
        for raw in catalogue.rows:
            assert isinstance(raw, RawRow)
            row = parse_row(raw)
            assert isinstance(row, ProductRow)
            assert problems_for_new(row) == []
            for column, kind in columns.items():
                for reference in getattr(row, column)[: MAX_OPENED - opened[column]]:
                    opened[column] += 1
                    assert inspect_media(files.open(reference).path, limits, kind).kind is kind
    assert sum(opened.values()) > 0
