"""Import an evaluation folder and run its queries, with the code that serves the shop."""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from django.core.files import File
from tqdm import tqdm

from indexer.encoding.run import encode_queued
from indexer.encoding.totals import EncodeTotals
from indexer.evaluation.report import Report
from indexer.index.compaction import build_generation
from search.config import engine_settings
from search.errors import InputError
from search.evaluation.folder import EvaluationFolder, EvaluationQuery
from search.evaluation.results import EvaluatedQuery, evaluate_ranking
from search.files import file_sha256
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.modalities import MODALITIES
from search.ranking.engine import StageTimer
from search.vectors.contract import IndexReader
from webapp.catalog.models import IndexJob, JobState, Outcome, Product, UploadRow
from webapp.catalog.models.upload import UploadSource
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.services.products import remove_products
from webapp.importing.service import create_upload, run_upload
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.models_runtime import active_model, live_index, query_encoder
from webapp.retrieval.search_query import SearchQuery


def evaluate_folder(folder: EvaluationFolder) -> Report:
    """Evaluate one folder, which replaces the catalogue of this installation.

    Contents of an earlier folder are not encoded again. Raises InputError when a row is refused, a
    content cannot be encoded, or there is no query.
    """
    remove_products(list(Product.objects.values_list("pk", flat=True)))
    import_folder(folder)
    seconds = encode_catalogue()
    skus = dict(Product.objects.values_list("pk", "sku"))
    views = wait_for_index().count()
    answers, stages = run_queries(folder.queries, skus)
    return Report.of(
        folder.root.name, answers, stages, products=len(skus), views=views, seconds=seconds
    )


def import_folder(folder: EvaluationFolder) -> None:
    """Import the catalogue. Raises InputError unless every row is imported without a warning."""
    with tempfile.TemporaryDirectory() as scratch:
        catalog = Path(scratch) / "catalog.csv"
        media = rebase_catalog(folder.catalog, catalog)
        with catalog.open("rb") as file:
            upload = create_upload(
                file=File(file),
                source=UploadSource.TERMINAL,
                media_dir=str(media),
            )
        upload = run_upload(upload_id=upload.pk)
    if upload.error:
        raise InputError("the evaluation catalogue was refused", value=upload.error)
    problems = UploadRow.objects.filter(
        upload=upload, outcome=Outcome.ERROR
    ) | UploadRow.objects.filter(upload=upload, warned=True)
    if row := problems.first():
        raise InputError(
            f"row {row.number} of the evaluation catalogue was not imported completely",
            value=row.messages,
        )


def rebase_catalog(catalog: Path, out: Path) -> Path:
    """Write a catalogue with media paths relative to the folder that holds all of its media.

    An evaluation catalogue may name media anywhere, an import accepts one folder. Returns that
    folder.
    """
    with catalog.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    present = [column for column in MODALITIES.upload_columns if column in columns]
    files = {
        name: (catalog.parent / name).resolve()
        for row in rows
        for column in present
        for name in row[column].split("|")
        if name
    }
    if not rows or not files:
        raise InputError("the evaluation catalogue has no media", value=str(catalog))
    root = Path(os.path.commonpath([path.parent for path in files.values()]))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            for column in present:
                names = (name for name in row[column].split("|") if name)
                row[column] = "|".join(files[name].relative_to(root).as_posix() for name in names)
            writer.writerow(row)
    return root


def encode_catalogue() -> float:
    """Encode what is queued and build the index. Return the seconds spent encoding.

    Raises InputError when a content cannot be encoded.
    """
    started = time.perf_counter()
    queued = IndexJob.objects.exclude(state=JobState.DONE).count()
    with tqdm(total=queued, desc="encoding", unit="view", disable=None) as bar:

        def show(totals: EncodeTotals) -> None:
            bar.update(totals.encoded.total() + totals.failed - bar.n)

        encode_queued(show)
    spent = time.perf_counter() - started
    if job := IndexJob.objects.exclude(state=JobState.DONE).first():
        raise InputError("a content could not be encoded", value=f"{job}: {job.error}")
    build_generation()
    return spent


def wait_for_index() -> IndexReader:
    """Return the index reader when it has seen every change; it looks only from time to time."""
    while live_index().seq < get_index_sequence():
        time.sleep(engine_settings().delta_poll_s)
    return live_index()


def run_queries(
    queries: Iterable[EvaluationQuery], skus: dict[int, str]
) -> tuple[list[EvaluatedQuery], dict[str, list[float]]]:
    """Return the result of every query, and the milliseconds of every stage."""
    query_encoder().embed_text("the first call loads the model")
    answers: list[EvaluatedQuery] = []
    stages: dict[str, list[float]] = {}
    for query in tqdm(list(queries), desc="queries", unit="query", disable=None):
        timer = StageTimer()
        embedded, same_file = embed_query(query, len(skus), timer)
        ranking = [skus[hit.product_id] for hit in embedded.rank().hits]
        answers.append(
            EvaluatedQuery(query, evaluate_ranking(ranking, query.relevant, exclude=same_file))
        )
        for stage, spent in {**timer.stages, "total": sum(timer.stages.values())}.items():
            stages.setdefault(stage, []).append(spent)
    return answers, stages


def embed_query(
    query: EvaluationQuery, max_ranked: int, timer: StageTimer | None = None
) -> tuple[EmbeddedQuery, list[str]]:
    """Return a query with its vectors, and the SKUs to exclude from its results."""
    search_query = _make_search_query(query, max_ranked)
    embedded = EmbeddedQuery(search_query, active_model(), timer or StageTimer())
    return embedded, _find_owners(query)


def _make_search_query(query: EvaluationQuery, max_ranked: int) -> SearchQuery:
    picture = None
    if query.picture is not None:
        limits = PictureLimits.from_settings(engine_settings())
        picture = decode_picture(query.picture, limits)
    return SearchQuery(
        text=query.text,
        picture=picture,
        sound=query.sound,
        video=query.video,
        max_ranked=max_ranked,
    )


def _find_owners(query: EvaluationQuery) -> list[str]:
    """Return the SKUs that show the query's own file: finding them proves nothing."""
    if query.file is None:
        return []
    digest = file_sha256(query.file)
    owners = Product.objects.filter(assets__content_hash=digest)
    return list(owners.values_list("sku", flat=True))
