"""Text against text: does the space still rank product texts as the text tower alone does?

`python -m tools.evaluation.text_eval --data FOLDER` asks the development data's own words for
product descriptions and prints mean average precision with the tower's own vectors and with
those of the joined space.
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
"""A query and a text that answers it."""


@dataclass(frozen=True, slots=True)
class TextSet:
    """Queries (q,), documents (d,), and which document answers which query, (q, d) boolean."""

    name: str
    queries: tuple[str, ...]
    documents: tuple[str, ...]
    relevant: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, name: str, pairs: Sequence[Pair]) -> TextSet:
        """Equal texts are one."""
        queries = tuple(dict.fromkeys(query for query, _ in pairs))
        documents = tuple(dict.fromkeys(document for _, document in pairs))
        rows = {query: row for row, query in enumerate(queries)}
        columns = {document: column for column, document in enumerate(documents)}
        relevant = np.zeros((len(queries), len(documents)), bool)
        for query, document in pairs:
            relevant[rows[query], columns[document]] = True
        return cls(name, queries, documents, relevant)


def precisions(
    queries: Vectors, documents: Vectors, relevant: npt.NDArray[np.bool_]
) -> list[float]:
    """Average precision of every query, documents ranked by cosine. Shapes (q, dim), (d, dim),
    (q, d).
    """
    order = np.argsort(-(queries @ documents.T), axis=1, kind="stable")
    found = np.take_along_axis(relevant, order, axis=1)
    return [average_precision((np.flatnonzero(row) + 1).tolist(), int(row.sum())) for row in found]


@dataclass(frozen=True, slots=True)
class Kept:
    """How a set is ranked by the tower alone and by the space, and the interval of the
    difference.
    """

    name: str
    queries: int
    tower: float
    space: float
    difference: Estimate


def compare(texts: TextSet, encoder: CompactEncoder) -> Kept:
    """Mean average precision with the text tower's own vectors, and in the joined space."""
    tower = precisions(_own(texts.queries, encoder), _own(texts.documents, encoder), texts.relevant)
    space = precisions(
        encoder.encode_texts(texts.queries, TextRole.QUERY),
        encoder.encode_texts(texts.documents, TextRole.DOCUMENT),
        texts.relevant,
    )
    gained = np.subtract(space, tower).tolist()
    return Kept(
        texts.name, len(tower), float(np.mean(tower)), float(np.mean(space)), estimate_mean(gained)
    )


def _own(texts: Sequence[str], encoder: CompactEncoder) -> Vectors:
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
    """The sets whose folder is there."""
    found = []
    for name, pairs_of in SETS.items():
        listing = data / name / "items.jsonl"
        if listing.is_file():
            rows = map(json.loads, listing.read_text("utf-8").splitlines())
            found.append(TextSet.of(name, [pair for row in rows for pair in pairs_of(row)]))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Print one row a set."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluation.text_eval", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of data folders")
    sets = read_text_sets(parser.parse_args(argv).data)
    if not sets:
        sys.stdout.write("no data folder with product texts here: nothing to compare\n")
        return
    encoder = load(load_preset("compact"), engine_settings())
    table = Table("texts", "queries", "tower alone", "joined space", "difference", "95 %")
    for kept in (compare(texts, encoder) for texts in sets):
        low, high = kept.difference.low, kept.difference.high
        means = (f"{kept.tower:.3f}", f"{kept.space:.3f}", f"{kept.space - kept.tower:+.3f}")
        table.add_row(kept.name, str(kept.queries), *means, f"{low:+.3f} to {high:+.3f}")
    make_console().print(table)


if __name__ == "__main__":
    main()
