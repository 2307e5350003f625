"""Tune on real products that the encoder was not trained on, and roll back: gain and duration."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from django.conf import settings

from indexer.evaluation.run import wait_for_index
from indexer.index.compaction import build_generation
from indexer.tuning.run import rollback_tuning, run_tuning
from search.config import engine_settings
from search.encoders.compact.heads import load_heads
from search.encoders.protocol import TunableEncoder
from search.encoders.tuned_heads import save_tuned_heads
from search.evaluation.encoder_eval import evaluate_encoder
from search.evaluation.folder import read_folder
from tools.bench.importing import run_import
from webapp.catalog.models import IndexJob, JobState, Tuning, TuningState
from webapp.catalog.services.tunings import create_tuning
from webapp.retrieval.models_runtime import active_model, base_encoder, base_space, heads_folder
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

DATASET = "myntra"
EVALUATIONS = ("myntra-colour-type", "myntra-title")
MAX_QUERIES = 300
"""Number of queries whose results are compared, with products and scores."""

SearchResults = list[list[tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class TuneReport:
    """Mean average precision over pictures that were not used for tuning; times in seconds."""

    products: int
    tuning_seconds: float
    state: str
    before: dict[str, float]
    after: dict[str, float]
    after_rollback: dict[str, float]
    answers_changed: int
    answers_restored: int
    answers_asked: int
    decision: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_tuning(data: Path, cache: Path) -> TuneReport:
    """Measure in the current installation, which must be empty.

    1. Install heads that were trained without these products; import the products.
    2. Search and evaluate; tune; search and evaluate again.
    3. Roll back, and compare the results with the first ones.

    Raises InputError.
    """
    install_heads(data, cache)
    products = import_products(data)
    folders = {name: data / "eval" / name for name in EVALUATIONS}
    texts = [query.text for path in folders.values() for query in read_folder(path).queries]
    queries = texts[::3][:MAX_QUERIES]
    first, before = search_all(queries), evaluate_folders(folders, active_model().encoder())
    started = time.perf_counter()
    tuning = run_tuning(create_tuning(preset=engine_settings().preset).pk)
    seconds = time.perf_counter() - started
    tuned, after = search_all(queries), evaluate_folders(folders, active_model().encoder())
    if tuning is None:
        raise RuntimeError("another process has claimed the tuning")
    if tuning.state == TuningState.LIVE:
        rollback_tuning(tuning.preset)
    restored = search_all(queries)
    return TuneReport(
        products=products,
        tuning_seconds=seconds,
        state=tuning.state,
        before=before,
        after=after,
        after_rollback=evaluate_folders(folders, active_model().encoder()),
        answers_changed=sum(old != new for old, new in zip(first, tuned, strict=True)),
        answers_restored=sum(old == new for old, new in zip(first, restored, strict=True)),
        answers_asked=len(first),
        decision=tuning.decision,
    )


def install_heads(data: Path, cache: Path) -> None:
    """Train heads without these products, and install them as the active tuning."""
    own = base_encoder(engine_settings().preset)
    with tempfile.TemporaryDirectory() as scratch:
        trained, preset = Path(scratch) / "heads.safetensors", Path(scratch) / "preset.json"
        preset.write_text('{"checksums": {}}')
        command = [
            sys.executable,
            "-m",
            "tools.training.compact",
            "--data",
            str(data),
            "--without",
            DATASET,
        ]
        command += [
            "--cache",
            str(cache),
            "--checkpoint",
            scratch,
            "--out",
            str(trained),
            "--preset",
            str(preset),
        ]
        subprocess.run(command, cwd=settings.BASE_DIR, check=True, stdout=sys.stderr)
        path = save_tuned_heads(
            heads_folder(),
            load_heads(trained),
            tower_id=own.tower_id,
            dim=own.space.dim,
            notes={"without": DATASET},
        )
    Tuning.objects.create(
        preset=own.space.preset,
        base=base_space(own.space.preset).fingerprint,
        state=TuningState.LIVE,
        heads_digest=path.stem,
        space=own.with_heads(path).space.fingerprint,
    )


def import_products(data: Path) -> int:
    """Import and encode all rows that no evaluation uses; return their number."""
    held = {sku for name in EVALUATIONS for sku, _ in read_folder(data / "eval" / name).pictures()}
    rows = [
        row
        for row in catalogue_rows(data / DATASET / "items.jsonl")
        if f"{DATASET}-{row['sku']}" not in held
    ]
    with tempfile.TemporaryDirectory() as scratch:
        catalog = Path(scratch) / "catalog.jsonl"
        catalog.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        run_import(catalog, data / DATASET, wait=True)
    if waiting := IndexJob.objects.exclude(state=JobState.DONE).count():
        raise RuntimeError(f"{waiting} contents were not encoded")
    build_generation()
    return len(rows)


def catalogue_rows(items: Path) -> Iterator[dict[str, Any]]:
    """Yield the products as catalogue rows."""
    with items.open(encoding="utf-8") as lines:
        for item in map(json.loads, lines):
            attributes = {
                "colour": item["baseColour"],
                "gender": item["gender"],
                "usage": item["usage"],
            }
            yield {
                "sku": str(item["id"]),
                "title": item["title"],
                "category": " > ".join(
                    (item["masterCategory"], item["subCategory"], item["articleType"])
                ),
                "images": [item["path"]],
                "attributes": {name: value for name, value in attributes.items() if value},
            }


def search_all(queries: Sequence[str]) -> SearchResults:
    """Search as the shop does; return product ids and scores."""
    time.sleep(engine_settings().delta_poll_s)
    wait_for_index()
    hits_by_query = (
        search_products(SearchQuery(text=query, facets=False)).hits for query in queries
    )
    return [[(hit.product.pk, hit.score) for hit in hits] for hits in hits_by_query]


def evaluate_folders(folders: Mapping[str, Path], encoder: TunableEncoder) -> dict[str, float]:
    """Return the mean average precision of each evaluation folder."""
    return {
        name: fmean(
            answer.average_precision for answer in evaluate_encoder(read_folder(path), encoder)
        )
        for name, path in folders.items()
    }
