"""Import of a real catalogue by the real processes: throughput, memory, freshness, and a second, idle run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, Min

from indexer.bench.bare import BareRates, measure_bare
from indexer.bench.catalog import write_catalog
from indexer.bench.memory import MemoryWatch
from indexer.processes import worker_process
from search.types import Modality
from webapp.catalog.models import Asset, AssetKind, Embedding, IndexJob, JobState
from webapp.retrieval.runtime import live_index

BARE_PICTURES = 640
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Rates in pictures per second, times in seconds, memory in bytes. `ratio` is pipeline over the model alone."""

    rows: int
    pictures: int
    import_seconds: float
    encode_rate: float
    bare_model_rate: float
    bare_loop_rate: float
    ratio: float
    searchable_after: float
    memory_first_half: int
    memory_second_half: int
    second_run_encoded: int
    second_run_seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_import(items: Path, rows: int) -> ImportReport:
    """Runs in the current installation, which must be empty."""
    with tempfile.TemporaryDirectory() as scratch:
        catalog = Path(scratch) / "catalog.csv"
        written = write_catalog(items, catalog, rows)
        bare_before = measure_bare(_sample(items))
        with running_worker():
            watch, import_seconds = run_import(catalog, items.parent)
            searchable_after = wait_until_searchable()
        bare_after = measure_bare(_sample(items))
        encoded = Embedding.objects.count()
        with running_worker():
            _, second_seconds = run_import(catalog, items.parent, wait=True)
        bare = BareRates((bare_before.model + bare_after.model) / 2, (bare_before.loop + bare_after.loop) / 2)
    rate = encode_rate()
    return ImportReport(
        rows=written,
        pictures=Embedding.objects.filter(modality=AssetKind.PICTURE).count(),
        import_seconds=import_seconds,
        encode_rate=rate,
        bare_model_rate=bare.model,
        bare_loop_rate=bare.loop,
        ratio=rate / bare.model,
        searchable_after=searchable_after,
        memory_first_half=watch.peak(0.0, 0.5),
        memory_second_half=watch.peak(0.5, 1.0),
        second_run_encoded=Embedding.objects.count() - encoded,
        second_run_seconds=second_seconds,
    )


def _sample(items: Path) -> list[Path]:
    pictures = [items.parent / str(name) for name in _paths(items)]
    step = max(1, len(pictures) // BARE_PICTURES)
    return pictures[::step][:BARE_PICTURES]


def _paths(items: Path) -> Iterator[str]:
    with items.open(encoding="utf-8") as lines:
        yield from (json.loads(line)["path"] for line in lines)


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
    """The terminal's import in a process of its own, watched. Returns its memory and seconds."""
    manage = Path(settings.BASE_DIR) / "manage.py"
    command = [sys.executable, str(manage), "import_catalog", str(catalog), "--media", str(media)]
    started = time.perf_counter()
    process = subprocess.Popen([*command, *(["--wait"] if wait else [])], stdout=subprocess.DEVNULL, text=True)
    watch = MemoryWatch(process)
    watch.start()
    if status := process.wait():
        raise RuntimeError(f"import_catalog ended with {status}")
    seconds = time.perf_counter() - started
    watch.join()
    return watch, seconds


def wait_until_searchable() -> float:
    """Seconds from the last embedding stored until a reader finds every view."""
    waiting = IndexJob.objects.filter(state__in=[JobState.QUEUED, JobState.CLAIMED])
    while waiting.exists():
        time.sleep(POLL_S)
    started = time.perf_counter()
    wanted = Asset.objects.filter(kind__in=[Modality.TEXT, Modality.PICTURE]).count()
    while live_index().count() < wanted:
        time.sleep(POLL_S)
    return time.perf_counter() - started + POLL_S


def encode_rate() -> float:
    """Pictures per second from the first picture job's end to the last one's, whatever else ran meanwhile."""
    jobs = IndexJob.objects.filter(modality=AssetKind.PICTURE, state=JobState.DONE)
    span = jobs.aggregate(first=Min("finished"), last=Max("finished"))
    first_batch = jobs.filter(finished=span["first"]).count()
    return (jobs.count() - first_batch) / (span["last"] - span["first"]).total_seconds()
