"""Load an evaluation folder and ask its queries, all through the code that serves the shop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from django.core.files import File
from tqdm import tqdm

from indexer.encoding.run import encode_queued
from indexer.encoding.totals import EncodeTotals
from indexer.evaluation.catalog import rebase
from indexer.evaluation.report import Report
from indexer.index.compaction import build_generation
from search.config import engine_settings
from search.errors import InputError
from search.evaluation.folder import EvaluationFolder, EvaluationQuery
from search.evaluation.results import EvaluatedQuery, evaluate_ranking
from search.files import file_sha256
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
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
    """Replaces whatever the catalogue holds. Contents that an earlier folder shared are not
    encoded again.

    Raises InputError when a row is refused, a picture cannot be encoded or nothing can be measured.
    """
    remove_products(list(Product.objects.values_list("pk", flat=True)))
    load(folder)
    seconds = encode()
    skus = dict(Product.objects.values_list("pk", "sku"))
    views = up_to_date().count()
    answers, stages = ask(folder.queries, skus)
    return Report.of(
        folder.root.name, answers, stages, products=len(skus), views=views, seconds=seconds
    )


def load(folder: EvaluationFolder) -> None:
    """Import the catalogue; every row must go in without a warning, or the figures would be of
    another catalogue.
    """
    with tempfile.TemporaryDirectory() as scratch:
        catalog = Path(scratch) / "catalog.csv"
        media = rebase(folder.catalog, catalog)
        with catalog.open("rb") as file:
            upload = create_upload(
                file=File(file),
                source=UploadSource.TERMINAL,
                media_dir=str(media),
            )
        upload = run_upload(upload_id=upload.pk)
    if upload.error:
        raise InputError("the evaluation catalogue was refused", value=upload.error)
    spoilt = UploadRow.objects.filter(
        upload=upload, outcome=Outcome.ERROR
    ) | UploadRow.objects.filter(upload=upload, warned=True)
    if row := spoilt.first():
        raise InputError(
            f"row {row.number} of the evaluation catalogue was not loaded whole", value=row.messages
        )


def encode() -> float:
    """Encode what is queued and build the index. Returns seconds spent encoding."""
    started = time.perf_counter()
    queued = IndexJob.objects.exclude(state=JobState.DONE).count()
    with tqdm(total=queued, desc="encoding", unit="view", disable=None) as bar:

        def show(totals: EncodeTotals) -> None:
            bar.update(totals.encoded.total() + totals.failed - bar.n)

        encode_queued(show)
    spent = time.perf_counter() - started
    if job := IndexJob.objects.exclude(state=JobState.DONE).first():
        raise InputError("a view could not be encoded", value=f"{job}: {job.error}")
    build_generation()
    return spent


def up_to_date() -> IndexReader:
    """The reader, once it has seen every change: it looks only from time to time."""
    while live_index().seq < get_index_sequence():
        time.sleep(engine_settings().delta_poll_s)
    return live_index()


def ask(
    queries: Iterable[EvaluationQuery], skus: dict[int, str]
) -> tuple[list[EvaluatedQuery], dict[str, list[float]]]:
    """Every query's answer, and milliseconds of every stage."""
    query_encoder().embed_text("the first call loads the model")
    answers: list[EvaluatedQuery] = []
    stages: dict[str, list[float]] = {}
    for query in tqdm(list(queries), desc="asking", unit="query", disable=None):
        timer = StageTimer()
        question, same_file = question_of(query, len(skus), timer)
        ranking = [skus[hit.product_id] for hit in question.rank().hits]
        answers.append(
            EvaluatedQuery(query, evaluate_ranking(ranking, query.relevant, exclude=same_file))
        )
        for stage, spent in {**timer.stages, "total": sum(timer.stages.values())}.items():
            stages.setdefault(stage, []).append(spent)
    return answers, stages


def question_of(
    query: EvaluationQuery, max_ranked: int, timer: StageTimer | None = None
) -> tuple[EmbeddedQuery, list[str]]:
    """A query with its vectors, and the skus that it proves nothing to find."""
    return EmbeddedQuery(
        _request(query, max_ranked), active_model(), timer or StageTimer()
    ), _itself(query)


def _request(query: EvaluationQuery, max_ranked: int) -> SearchQuery:
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


def _itself(query: EvaluationQuery) -> list[str]:
    """Skus that show nothing but the file that asks: finding them proves nothing."""
    if query.file is None:
        return []
    digest = file_sha256(query.file)
    alone = Product.objects.filter(assets__content_hash=digest)
    return list(alone.values_list("sku", flat=True))
