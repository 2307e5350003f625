"""Evaluation folders: `catalog.csv` to load and `queries.jsonl` to ask."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.errors import InputError
from search.types import Modality

CATALOG = "catalog.csv"
QUERIES = "queries.jsonl"
SHOWS = {"images": Modality.PICTURE, "audio": Modality.AUDIO, "video": Modality.VIDEO}
"""Columns of a catalogue that name media."""

ASKS = {
    "text": Modality.TEXT,
    "image": Modality.PICTURE,
    "audio": Modality.AUDIO,
    "video": Modality.VIDEO,
}
"""Fields of a query, of which it has one."""


@dataclass(frozen=True, slots=True)
class EvaluationQuery:
    """Words or one file, and the skus it should find. `category` is empty where none is given."""

    id: str
    text: str
    picture: Path | None
    relevant: tuple[str, ...]
    language: str = "en"
    category: str = ""
    sound: Path | None = None
    video: Path | None = None

    @property
    def file(self) -> Path | None:
        """The file that asks; None where words do."""
        return self.picture or self.sound or self.video

    @property
    def asked(self) -> str:
        """The words, or the name of the file."""
        return self.file.name if self.file else self.text


@dataclass(frozen=True, slots=True)
class EvaluationFolder:
    root: Path
    catalog: Path
    queries: tuple[EvaluationQuery, ...]

    def pictures(self) -> list[tuple[str, Path]]:
        """Every picture of the catalogue with its product's sku, in the catalogue's order."""
        return self._shown("images")

    def sounds(self) -> list[tuple[str, Path]]:
        """Every sound, as `pictures`."""
        return self._shown("audio")

    def videos(self) -> list[tuple[str, Path]]:
        """Every video, as `pictures`."""
        return self._shown("video")

    def _shown(self, column: str) -> list[tuple[str, Path]]:
        return [
            (row["sku"], self.root / name)
            for row in _rows(self.catalog)
            for name in (row.get(column) or "").split("|")
            if name
        ]


def folders_in(path: Path) -> list[Path]:
    """The evaluation folder at `path`, or all that lie directly in it, by name. Raises
    InputError when none does.
    """
    if (path / QUERIES).is_file():
        return [path]
    found = sorted(file.parent for file in path.glob(f"*/{QUERIES}"))
    if not found:
        raise InputError(
            f"there is no evaluation folder: none with {CATALOG} and {QUERIES}", value=str(path)
        )
    return found


def modalities_of(root: Path) -> frozenset[Modality]:
    """What the folder's queries ask by and its catalogue shows. Raises InputError as
    `read_folder` does.
    """
    catalog, queries = _files(root)
    rows = _rows(catalog)
    shown = {modality for column, modality in SHOWS.items() if any(row.get(column) for row in rows)}
    asked = {ASKS[name] for _, query in _lines(queries) for name in ASKS.keys() & query.keys()}
    return frozenset(shown | asked)


def read_folder(root: Path) -> EvaluationFolder:
    """Raises InputError naming the file or line that is missing or malformed."""
    catalog, queries = _files(root)
    read: dict[str, EvaluationQuery] = {}
    for place, fields in _lines(queries):
        query = _query(fields, place, root)
        if query.id in read:
            raise InputError(f"{place} repeats the id of another query", value=query.id)
        read[query.id] = query
    return EvaluationFolder(root, catalog, tuple(read.values()))


def read_queries(path: Path) -> tuple[EvaluationQuery, ...]:
    """A golden set by itself: the lines of an evaluation folder, pictures named relative to the
    file, ids not needed.

    Raises InputError naming the line that is malformed, and for a file that is missing, no text,
    without a line, or that asks by sounds or videos: a change of model is judged on words and
    pictures.
    """
    try:
        lines = _lines(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the golden set cannot be read", value=str(path), fix=f"{error}"
        ) from error
    if not lines:
        raise InputError("the golden set holds no question", value=str(path))
    found = tuple(_query({"id": place, **fields}, place, path.parent) for place, fields in lines)
    if heard := next((query for query in found if query.sound or query.video), None):
        raise InputError("a golden set asks by words or by pictures", value=heard.asked)
    return found


def _files(root: Path) -> tuple[Path, Path]:
    files = root / CATALOG, root / QUERIES
    for file in files:
        if not file.is_file():
            raise InputError(f"an evaluation folder needs {CATALOG} and {QUERIES}", value=str(file))
    return files


def _rows(catalog: Path) -> list[dict[str, str]]:
    with catalog.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _lines(queries: Path) -> list[tuple[str, dict[str, Any]]]:
    """Where each line stands, for messages, and its fields."""
    return [
        (place := f"{queries.name} line {number}", _fields(line, place))
        for number, line in enumerate(queries.read_text("utf-8").splitlines(), start=1)
        if line.strip()
    ]


def _fields(line: str, place: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place} is malformed", value=line, fix=f"{error}") from error
    if not isinstance(fields, dict):
        raise InputError(f"{place} is malformed", value=line, fix="A JSON object is expected.")
    return fields


def _query(fields: Mapping[str, Any], place: str, root: Path) -> EvaluationQuery:
    try:
        identity = str(fields["id"])
        relevant = tuple(str(sku) for sku in fields["relevant"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{place} is malformed", value=fields, fix=f"{error}") from error
    asked = {name: str(fields[name]) for name in ASKS if fields.get(name)}
    if len(asked) != 1:
        raise InputError(f"{place} must ask by one of {', '.join(ASKS)}", value=fields)
    files = {name: root / value for name, value in asked.items() if name != "text"}
    return EvaluationQuery(
        id=identity,
        text=asked.get("text", ""),
        picture=files.get("image"),
        relevant=relevant,
        language=str(fields.get("language") or "en"),
        category=str(fields.get("category") or ""),
        sound=files.get("audio"),
        video=files.get("video"),
    )
