"""Real evaluation folders as one catalogue: what is only seen, only heard and what moves, side
by side.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from indexer.evaluation.run import encode, load, question_of, up_to_date
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
    """Metrics by set under one share of one pair of modalities, all other shares being those in
    use.
    """

    asked: Modality
    shown: Modality
    share: float
    in_use: float
    metrics: dict[str, dict[str, float]]

    @property
    def mean(self) -> float:
        """Mean mAP over the sets asked in this modality, each with the same weight."""
        return sum(found["mAP"] for found in self.metrics.values()) / len(self.metrics)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of a set, its vectors, and the ids of the products it should find or that prove
    nothing.
    """

    group: str
    vectors: tuple[QueryVector, ...]
    relevant: frozenset[int]
    without: frozenset[int]


def mixed_folder(data: Path, out: Path) -> EvaluationFolder:
    """One evaluation folder in `out` of all `SETS` under `data`; queries keep the name of their
    set as category.

    Raises InputError when one of them is missing.
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
                column: "|".join(_moved(folder, name, out) for name in value.split("|") if name)
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
        asked = os.path.relpath(query.file, out) if query.file else query.text
        yield {
            "id": query.id,
            "category": folder.root.name,
            "relevant": list(query.relevant),
            field: asked,
        }


def _moved(folder: EvaluationFolder, name: str, out: Path) -> str:
    return os.path.relpath(folder.root / name, out)


def measure_pairs(folder: EvaluationFolder) -> list[PairResult]:
    """Load the folder into this installation, which loses its catalogue, and rank under every
    share of every pair.
    """
    load(folder)
    encode()
    up_to_date()
    asked = list(_asked(folder))
    return [
        _measure(asked, pair, share)
        for pair in PAIRS
        for share in sorted({*STEPS, MODALITY_WEIGHTS.get(pair, 1.0)})
    ]


def _asked(folder: EvaluationFolder) -> Iterator[_Asked]:
    ids = dict(Product.objects.values_list("sku", "pk"))
    for query in folder.queries:
        question, itself = question_of(query, len(ids))
        relevant = frozenset(ids[sku] for sku in query.relevant)
        yield _Asked(
            query.category, tuple(question.vectors), relevant, frozenset(ids[sku] for sku in itself)
        )


def _measure(asked: list[_Asked], pair: tuple[Modality, Modality], share: float) -> PairResult:
    weights = {**MODALITY_WEIGHTS, pair: share}
    judged: dict[str, list[QueryResult]] = {}
    for one in asked:
        if one.vectors[0].modality is pair[0]:
            judged.setdefault(one.group, []).append(_judged(one, weights))
    metrics = {group: summarise(outcomes) for group, outcomes in judged.items()}
    return PairResult(*pair, share, MODALITY_WEIGHTS.get(pair, 1.0), metrics)


def _judged(asked: _Asked, weights: ModalityWeights) -> QueryResult:
    index = up_to_date()
    hits = rank(
        index, asked.vectors, window=index.count(), exclude=asked.without, weights=weights
    ).hits
    return evaluate_ranking(
        [str(hit.product_id) for hit in hits], [str(pk) for pk in asked.relevant]
    )
