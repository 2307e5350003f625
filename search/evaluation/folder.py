"""Evaluation folders: a catalogue (`catalog.csv`) and queries with their relevant products."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.errors import InputError
from search.modalities import MODALITIES
from search.types import Modality

CATALOG = "catalog.csv"
QUERIES = "queries.jsonl"

QUERY_FIELDS = MODALITIES.query_fields
"""Fields of a query line; each query has exactly one of them."""


@dataclass(frozen=True, slots=True)
class EvaluationQuery:
    """A text or one file, and the SKUs of relevant products. `category` may be empty."""

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
        """The query's file; None for a text query."""
        return self.picture or self.sound or self.video

    @property
    def label(self) -> str:
        """The text, or the file's name."""
        return self.file.name if self.file else self.text


@dataclass(frozen=True, slots=True)
class EvaluationFolder:
    """A catalogue on disk with its queries."""

    root: Path
    catalog: Path
    queries: tuple[EvaluationQuery, ...]

    def pictures(self) -> list[tuple[str, Path]]:
        """Return (SKU, file) for every picture, in the catalogue's order."""
        return self._media_files("images")

    def sounds(self) -> list[tuple[str, Path]]:
        """Return (SKU, file) for every sound."""
        return self._media_files("audio")

    def videos(self) -> list[tuple[str, Path]]:
        """Return (SKU, file) for every video."""
        return self._media_files("video")

    def _media_files(self, column: str) -> list[tuple[str, Path]]:
        return [
            (row["sku"], self.root / name)
            for row in _read_rows(self.catalog)
            for name in (row.get(column) or "").split("|")
            if name
        ]


def find_folders(path: Path) -> list[Path]:
    """Return `path` if it is an evaluation folder, else all that lie directly in it, by name.

    Raises InputError when there is none.
    """
    if (path / QUERIES).is_file():
        return [path]
    folders = sorted(file.parent for file in path.glob(f"*/{QUERIES}"))
    if not folders:
        raise InputError(
            f"there is no evaluation folder: none with {CATALOG} and {QUERIES}", value=str(path)
        )
    return folders


def read_modalities(root: Path) -> frozenset[Modality]:
    """Return the modalities of a folder's queries and of its catalogue's media.

    Raises InputError as `read_folder` does.
    """
    catalog, queries = _require_files(root)
    rows = _read_rows(catalog)
    media = {
        kind
        for column, kind in MODALITIES.upload_columns.items()
        if any(row.get(column) for row in rows)
    }
    asked: set[Modality] = set()
    for _, fields in _read_lines(queries):
        asked |= {QUERY_FIELDS[name] for name in QUERY_FIELDS.keys() & fields.keys()}
    return frozenset(media | asked)


def read_folder(root: Path) -> EvaluationFolder:
    """Read a folder. Raises InputError naming the file or line that is missing or malformed."""
    catalog, queries = _require_files(root)
    read: dict[str, EvaluationQuery] = {}
    for place, fields in _read_lines(queries):
        query = _parse_query(fields, place, root)
        if query.id in read:
            raise InputError(f"{place} repeats the id of another query", value=query.id)
        read[query.id] = query
    return EvaluationFolder(root, catalog, tuple(read.values()))


def read_queries(path: Path) -> tuple[EvaluationQuery, ...]:
    """Read a golden set: query lines without a catalogue.

    Picture paths are relative to the file; ids are optional. Only text and picture queries are
    allowed, because a model change is judged by these. Raises InputError naming a malformed
    line, and for a file that is missing, not text, empty, or holds sound or video queries.
    """
    try:
        lines = _read_lines(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the golden set cannot be read", value=str(path), fix=f"{error}"
        ) from error
    if not lines:
        raise InputError("the golden set has no queries", value=str(path))
    queries = tuple(
        _parse_query({"id": place, **fields}, place, path.parent) for place, fields in lines
    )
    if clip := next((query for query in queries if query.sound or query.video), None):
        raise InputError("a golden set may hold only text and picture queries", value=clip.label)
    return queries


def _require_files(root: Path) -> tuple[Path, Path]:
    files = root / CATALOG, root / QUERIES
    for file in files:
        if not file.is_file():
            raise InputError(f"an evaluation folder needs {CATALOG} and {QUERIES}", value=str(file))
    return files


def _read_rows(catalog: Path) -> list[dict[str, str]]:
    with catalog.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _read_lines(queries: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the place of each non-empty line, for messages, with its fields."""
    lines = []
    for number, line in enumerate(queries.read_text("utf-8").splitlines(), start=1):
        if line.strip():
            place = f"{queries.name} line {number}"
            lines.append((place, _parse_fields(line, place)))
    return lines


def _parse_fields(line: str, place: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place} is malformed", value=line, fix=f"{error}") from error
    if not isinstance(fields, dict):
        raise InputError(f"{place} is malformed", value=line, fix="A JSON object is expected.")
    return fields


def _parse_query(fields: Mapping[str, Any], place: str, root: Path) -> EvaluationQuery:
    try:
        query_id = str(fields["id"])
        relevant = tuple(str(sku) for sku in fields["relevant"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{place} is malformed", value=fields, fix=f"{error}") from error
    content = {name: str(fields[name]) for name in QUERY_FIELDS if fields.get(name)}
    if len(content) != 1:
        raise InputError(
            f"{place} must have exactly one of {', '.join(QUERY_FIELDS)}", value=fields
        )
    files = {name: root / value for name, value in content.items() if name != "text"}
    return EvaluationQuery(
        id=query_id,
        text=content.get("text", ""),
        picture=files.get("image"),
        relevant=relevant,
        language=str(fields.get("language") or "en"),
        category=str(fields.get("category") or ""),
        sound=files.get("audio"),
        video=files.get("video"),
    )
