"""Evaluate the weights of modalities on real evaluation folders, joined into one catalogue."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer.evaluation.run import embed_query, encode_catalogue, import_folder, wait_for_index
from search.errors import InputError
from search.evaluation.folder import CATALOG, QUERIES, EvaluationFolder, find_folders, read_folder
from search.evaluation.results import QueryResult, evaluate_ranking, summarise
from search.ranking.engine import QueryVector, rank
from search.ranking.fusion import MODALITY_WEIGHTS, ModalityWeights
from search.types import Modality
from webapp.catalog.models import Product

SETS = (
    "sound-by-words",
    "sound-by-sound",
    "video-by-words",
    "clothing",
    "clothing-by-photo",
    "grocery-coarse",
)
COLUMNS = ("sku", "title", "images", "audio", "video")
MEDIA = COLUMNS[2:]
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
PAIRS = (
    (Modality.TEXT, Modality.AUDIO),
    (Modality.TEXT, Modality.VIDEO),
    (Modality.PICTURE, Modality.AUDIO),
    (Modality.PICTURE, Modality.VIDEO),
    (Modality.AUDIO, Modality.PICTURE),
    (Modality.AUDIO, Modality.VIDEO),
)


@dataclass(frozen=True, slots=True)
class PairResult:
    """Metrics by set, for one weight of one pair of modalities; the other weights are in use."""

    query_modality: Modality
    view_modality: Modality
    weight: float
    weight_in_use: float
    metrics: dict[str, dict[str, float]]

    @property
    def mean(self) -> float:
        """Mean mAP over the sets with queries of this modality."""
        return sum(figures["mAP"] for figures in self.metrics.values()) / len(self.metrics)


@dataclass(frozen=True, slots=True)
class _MixedQuery:
    """A query: its set and vectors, ids of relevant products, and of products to leave out."""

    group: str
    vectors: tuple[QueryVector, ...]
    relevant: frozenset[int]
    exclude: frozenset[int]


def mixed_folder(data: Path, out: Path) -> EvaluationFolder:
    """Join all `SETS` under `data` into one evaluation folder in `out`.

    The category of a query is the name of its set. Raises InputError when a set is missing.
    """
    folders = {path.name: read_folder(path) for path in find_folders(data)}
    if missing := [name for name in SETS if name not in folders]:
        raise InputError("an evaluation folder is missing", value=missing[0])
    rows = {row["sku"]: row for name in SETS for row in _rows(folders[name], out)}
    with (out / CATALOG).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows.values())
    lines = [json.dumps(line) for name in SETS for line in _queries(folders[name], out)]
    (out / QUERIES).write_text("\n".join(lines), encoding="utf-8")
    return read_folder(out)


def _rows(folder: EvaluationFolder, out: Path) -> Iterator[dict[str, str]]:
    with folder.catalog.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            named = {column: row.get(column) or "" for column in MEDIA}
            paths = {
                column: "|".join(
                    _relative_path(folder, name, out) for name in value.split("|") if name
                )
                for column, value in named.items()
            }
            yield {"sku": row["sku"], "title": row["sku"], **paths}


def _queries(folder: EvaluationFolder, out: Path) -> Iterator[dict[str, object]]:
    for query in folder.queries:
        field = (
            "image"
            if query.picture
            else "audio"
            if query.sound
            else "video"
            if query.video
            else "text"
        )
        value = os.path.relpath(query.file, out) if query.file else query.text
        yield {
            "id": query.id,
            "category": folder.root.name,
            "relevant": list(query.relevant),
            field: value,
        }


def _relative_path(folder: EvaluationFolder, name: str, out: Path) -> str:
    return os.path.relpath(folder.root / name, out)


def measure_pairs(folder: EvaluationFolder) -> list[PairResult]:
    """Replace the catalogue of this installation by the folder, and evaluate every weight."""
    import_folder(folder)
    encode_catalogue()
    wait_for_index()
    queries = list(_embed_queries(folder))
    return [
        _measure(queries, pair, weight)
        for pair in PAIRS
        for weight in sorted({*STEPS, MODALITY_WEIGHTS.get(pair, 1.0)})
    ]


def _embed_queries(folder: EvaluationFolder) -> Iterator[_MixedQuery]:
    ids = dict(Product.objects.values_list("sku", "pk"))
    for query in folder.queries:
        question, itself = embed_query(query, len(ids))
        relevant = frozenset(ids[sku] for sku in query.relevant)
        yield _MixedQuery(
            query.category, tuple(question.vectors), relevant, frozenset(ids[sku] for sku in itself)
        )


def _measure(
    queries: list[_MixedQuery], pair: tuple[Modality, Modality], weight: float
) -> PairResult:
    weights = {**MODALITY_WEIGHTS, pair: weight}
    results: dict[str, list[QueryResult]] = {}
    for query in queries:
        if query.vectors[0].modality is pair[0]:
            results.setdefault(query.group, []).append(_evaluate(query, weights))
    metrics = {group: summarise(outcomes) for group, outcomes in results.items()}
    return PairResult(*pair, weight, MODALITY_WEIGHTS.get(pair, 1.0), metrics)


def _evaluate(query: _MixedQuery, weights: ModalityWeights) -> QueryResult:
    index = wait_for_index()
    hits = rank(
        index, query.vectors, window=index.count(), exclude=query.exclude, weights=weights
    ).hits
    return evaluate_ranking(
        [str(hit.product_id) for hit in hits], [str(pk) for pk in query.relevant]
    )
