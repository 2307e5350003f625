"""Compare text retrieval in the joint space with the text tower alone.

`python -m tools.evaluation.text_eval --data FOLDER` searches product descriptions of the
development data by names, and prints mean average precision with the vectors of the text tower and
with those of the joint space.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from search.config import engine_settings
from search.encoders.compact.engine import CompactEncoder, load
from search.encoders.presets import load_preset
from search.evaluation.metrics import average_precision
from search.evaluation.significance import Estimate, estimate_mean
from search.terminal import make_console
from search.types import TextRole, Vectors

Row = Mapping[str, Any]
Pair = tuple[str, str]
"""A query and a relevant document."""


@dataclass(frozen=True, slots=True)
class TextSet:
    """Queries (q,), documents (d,), and which document is relevant to which query, (q, d)."""

    name: str
    queries: tuple[str, ...]
    documents: tuple[str, ...]
    relevant: npt.NDArray[np.bool_]

    @classmethod
    def from_pairs(cls, name: str, pairs: Sequence[Pair]) -> TextSet:
        """Build a set; equal texts become one."""
        queries = tuple(dict.fromkeys(query for query, _ in pairs))
        documents = tuple(dict.fromkeys(document for _, document in pairs))
        rows = {query: row for row, query in enumerate(queries)}
        columns = {document: column for column, document in enumerate(documents)}
        relevant = np.zeros((len(queries), len(documents)), bool)
        for query, document in pairs:
            relevant[rows[query], columns[document]] = True
        return cls(name, queries, documents, relevant)


def average_precisions(
    queries: Vectors, documents: Vectors, relevant: npt.NDArray[np.bool_]
) -> list[float]:
    """Return the average precision of every query, with documents ranked by cosine.

    Shapes are (q, dim), (d, dim) and (q, d).
    """
    order = np.argsort(-(queries @ documents.T), axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    return [average_precision((np.flatnonzero(row) + 1).tolist(), int(row.sum())) for row in hits]


@dataclass(frozen=True, slots=True)
class TextComparison:
    """Mean average precision of a set with the tower and the space, and their difference."""

    name: str
    queries: int
    tower: float
    space: float
    difference: Estimate


def compare_spaces(texts: TextSet, encoder: CompactEncoder) -> TextComparison:
    """Compare the vectors of the text tower with those of the joint space."""
    tower = average_precisions(
        _encode_with_tower(texts.queries, encoder),
        _encode_with_tower(texts.documents, encoder),
        texts.relevant,
    )
    space = average_precisions(
        encoder.encode_texts(texts.queries, TextRole.QUERY),
        encoder.encode_texts(texts.documents, TextRole.DOCUMENT),
        texts.relevant,
    )
    gained = np.subtract(space, tower).tolist()
    return TextComparison(
        texts.name, len(tower), float(np.mean(tower)), float(np.mean(space)), estimate_mean(gained)
    )


def _encode_with_tower(texts: Sequence[str], encoder: CompactEncoder) -> Vectors:
    return encoder.text_features(texts, TextRole.QUERY).astype(np.float32)


def _grocery(row: Row) -> Iterator[Pair]:
    if row["description"]:
        yield row["fine"].replace("-", " ").lower(), row["description"]


def _ikea(row: Row) -> Iterator[Pair]:
    if row["description"]:
        yield f"{row['colour']} {row['type']}".strip().lower(), row["description"]


def _wands(row: Row) -> Iterator[Pair]:
    if row["query_class"]:
        yield row["query"], row["query_class"]


SETS: Mapping[str, Callable[[Row], Iterator[Pair]]] = {
    "grocery": _grocery,
    "ikea": _ikea,
    "wands_queries": _wands,
}


def read_text_sets(data: Path) -> list[TextSet]:
    """Return the text sets whose folder exists."""
    sets = []
    for name, read_pairs in SETS.items():
        listing = data / name / "items.jsonl"
        if listing.is_file():
            rows = map(json.loads, listing.read_text("utf-8").splitlines())
            sets.append(
                TextSet.from_pairs(name, [pair for row in rows for pair in read_pairs(row)])
            )
    return sets


def main(argv: Sequence[str] | None = None) -> None:
    """Print one row per set."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluation.text_eval", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data folders")
    sets = read_text_sets(parser.parse_args(argv).data)
    if not sets:
        sys.stdout.write("There is no data folder with product texts: nothing to compare.\n")
        return
    encoder = load(load_preset("compact"), engine_settings())
    table = Table("texts", "queries", "tower alone", "joint space", "difference", "95 %")
    for result in (compare_spaces(texts, encoder) for texts in sets):
        low, high = result.difference.low, result.difference.high
        means = (
            f"{result.tower:.3f}",
            f"{result.space:.3f}",
            f"{result.space - result.tower:+.3f}",
        )
        table.add_row(result.name, str(result.queries), *means, f"{low:+.3f} to {high:+.3f}")
    make_console().print(table)


if __name__ == "__main__":
    main()
