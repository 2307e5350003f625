"""Import a real catalogue with the real processes: throughput, memory, freshness, idle rerun."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from django.conf import settings
from django.db.models import Max, Min

from indexer.processes import worker_process
from search.errors import InputError
from search.types import Modality
from tools.bench.encoder_baseline import BaselineRates, measure_baseline
from tools.bench.memory import MemoryWatch
from webapp.catalog.models import Asset, AssetKind, Embedding, IndexJob, JobState
from webapp.retrieval.models_runtime import live_index

BARE_SAMPLE = 768
POLL_S = 0.05
COLUMNS = ("sku", "title", "brand", "category", "images", "attr:colour", "attr:season")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Rates in contents per second, times in seconds, memory in bytes.

    The ratios compare the time from the first to the last embedding with that of the encoder alone
    on the same pictures and texts: on prepared input, and in a plain loop that decodes and encodes
    in turn.
    """

    rows: int
    pictures: int
    import_seconds: float
    texts: int
    encode_seconds: float
    bare_model_rate: float
    bare_loop_rate: float
    bare_text_rate: float
    ratio_to_model: float
    ratio_to_loop: float
    searchable_after: float
    memory_first_half: int
    memory_second_half: int
    second_run_encoded: int
    second_run_seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_import(items: Path, rows: int) -> ImportReport:
    """Measure in the current installation, which must be empty.

    1. Measure the encoder alone, import and encode the catalogue, measure the encoder again.
    2. Import the catalogue a second time: nothing should be encoded again.
    """
    with tempfile.TemporaryDirectory() as scratch:
        catalog = Path(scratch) / "catalog.csv"
        written = write_catalog(items, catalog, rows)
        before = measure_baseline(*_sample(items))
        with running_worker():
            watch, import_seconds = run_import(catalog, items.parent)
            searchable_after = wait_until_searchable()
        after = measure_baseline(*_sample(items))
        seconds, pictures, texts = encode_span()
        encoded = Embedding.objects.count()
        with running_worker():
            _, second_seconds = run_import(catalog, items.parent, wait=True)
    bare = BaselineRates(
        *(fmean(rates) for rates in zip(astuple(before), astuple(after), strict=True))
    )
    return ImportReport(
        rows=written,
        pictures=pictures,
        import_seconds=import_seconds,
        texts=texts,
        encode_seconds=seconds,
        bare_model_rate=bare.model,
        bare_loop_rate=bare.loop,
        bare_text_rate=bare.texts,
        ratio_to_model=(pictures / bare.model + texts / bare.texts) / seconds,
        ratio_to_loop=(pictures / bare.loop + texts / bare.texts) / seconds,
        searchable_after=searchable_after,
        memory_first_half=watch.peak(0.0, 0.5),
        memory_second_half=watch.peak(0.5, 1.0),
        second_run_encoded=Embedding.objects.count() - encoded,
        second_run_seconds=second_seconds,
    )


def _sample(items: Path) -> tuple[list[Path], list[str]]:
    with items.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    spread = rows[:: max(1, len(rows) // BARE_SAMPLE)][:BARE_SAMPLE]
    return [items.parent / row["path"] for row in spread], [row["title"] for row in spread]


@contextmanager
def running_worker() -> Iterator[None]:
    spec = worker_process(name="bench")
    process = subprocess.Popen(spec.command, env=spec.full_environment())
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def run_import(catalog: Path, media: Path, *, wait: bool = False) -> tuple[MemoryWatch, float]:
    """Run `import_catalog` in a process of its own; return its memory and duration."""
    manage = Path(settings.BASE_DIR) / "manage.py"
    command = [sys.executable, str(manage), "import_catalog", str(catalog), "--media", str(media)]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, *(["--wait"] if wait else [])], stdout=subprocess.DEVNULL, text=True
    )
    watch = MemoryWatch(process)
    watch.start()
    if status := process.wait():
        raise RuntimeError(f"import_catalog ended with {status}")
    seconds = time.perf_counter() - started
    watch.join()
    return watch, seconds


def wait_until_searchable() -> float:
    """Return the seconds from the last stored embedding until a reader finds every view."""
    waiting = IndexJob.objects.filter(state__in=[JobState.QUEUED, JobState.CLAIMED])
    while waiting.exists():
        time.sleep(POLL_S)
    started = time.perf_counter()
    wanted = Asset.objects.filter(kind__in=[Modality.TEXT, Modality.PICTURE]).count()
    while live_index().count() < wanted:
        time.sleep(POLL_S)
    return time.perf_counter() - started + POLL_S


def encode_span() -> tuple[float, int, int]:
    """Return the seconds between the ends of the first and last batch, and the contents between.

    The contents are the numbers of pictures and of texts.
    """
    jobs = IndexJob.objects.filter(state=JobState.DONE)
    span = jobs.aggregate(first=Min("finished_at"), last=Max("finished_at"))
    timed = jobs.filter(finished_at__gt=span["first"])
    pictures = timed.filter(modality=AssetKind.PICTURE).count()
    return (span["last"] - span["first"]).total_seconds(), pictures, timed.count() - pictures


def write_catalog(items: Path, out: Path, rows: int) -> int:
    """Write up to `rows` products of `items`, a file in the format of the myntra dataset.

    Returns the number of products. Raises InputError when there are none.
    """
    with items.open(encoding="utf-8") as lines, out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        written = 0
        for line in itertools.islice(lines, rows):
            item = json.loads(line)
            category = f"{item['masterCategory']} > {item['subCategory']} > {item['articleType']}"
            brand = item["title"].split()[0]
            writer.writerow(
                (
                    item["id"],
                    item["title"],
                    brand,
                    category,
                    item["path"],
                    item["baseColour"],
                    item["season"],
                )
            )
            written += 1
    if not written:
        raise InputError("there are no items to import", value=str(items))
    return written
