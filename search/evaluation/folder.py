"""Evaluation folders: `catalog.csv` to load and `queries.jsonl` to ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from search.errors import InputError


@dataclass(frozen=True, slots=True)
class EvaluationQuery:
    """Words or a picture file, and the skus it should find."""

    id: str
    text: str
    picture: Path | None
    relevant: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvaluationFolder:
    root: Path
    catalog: Path
    queries: tuple[EvaluationQuery, ...]


def read_folder(root: Path) -> EvaluationFolder:
    """Raises InputError naming the file or line that is missing or malformed."""
    catalog, queries = root / "catalog.csv", root / "queries.jsonl"
    for file in (catalog, queries):
        if not file.is_file():
            raise InputError("an evaluation folder needs catalog.csv and queries.jsonl", value=str(file))
    lines = queries.read_text("utf-8").splitlines()
    asked = tuple(_read_query(line, number, root) for number, line in enumerate(lines, start=1) if line.strip())
    return EvaluationFolder(root, catalog, asked)


def _read_query(line: str, number: int, root: Path) -> EvaluationQuery:
    try:
        fields = json.loads(line)
        relevant = tuple(str(sku) for sku in fields["relevant"])
        text, picture = fields.get("text", ""), fields.get("image")
        identity = str(fields["id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"queries.jsonl line {number} is malformed", value=line, fix=f"{error}") from error
    if bool(text) == bool(picture):
        raise InputError(
            f"queries.jsonl line {number} must ask by text or by image", value=line, fix="Sounds are not searched yet."
        )
    return EvaluationQuery(identity, text, root / picture if picture else None, relevant)
