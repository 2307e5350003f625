"""The other processes of a run, each spawned: writer, index builder, page visitor and judge."""

from __future__ import annotations

import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tools.bench.soak.dataset import KINDS, SoakDataset
from tools.bench.soak.journal import JournalReader, JournalWriter
from tools.bench.soak.oracle import Oracle
from tools.bench.soak.shared_state import AnswerQueue, SharedFlags

WAIT_S = 0.02
ANSWER_SOURCES = 2
"""Number of processes that send answers."""


def write(
    dataset: SoakDataset,
    journal: Path,
    products: int,
    per_second: float,
    filled: Event,
    ended: Event,
) -> None:
    """Fill the shop, then change it until the end."""
    _set_up_django()
    from tools.bench.soak.shop import Shop
    from tools.bench.soak.writer import Writer

    lines = JournalWriter(journal)
    writer = Writer(Shop(dataset), lines, dataset.contents)
    writer.fill(products)
    filled.set()
    writer.write(per_second, ended.is_set)
    lines.close()


def build(orders: Queue[str | None], done: Queue[dict[str, Any]]) -> None:
    """Build a generation per order until None; an order is a heads checksum, '' for none."""
    _set_up_django()
    from indexer.index.compaction import build_generation
    from tools.bench.soak.shop import soak_spaces

    while (order := orders.get()) is not None:
        manifest = build_generation(soak_spaces()[1] if order else None)
        index_types = {part.modality.value: part.index_type for part in manifest.segments}
        done.put(
            {
                "number": manifest.number,
                "seconds": manifest.build_seconds,
                "index_types": index_types,
            }
        )


def visit(
    dataset: SoakDataset,
    journal: Path,
    answers: Queue[Any],
    findings: Queue[Any],
    ready: Event,
    flags: SharedFlags,
) -> None:
    """Load pages and probe for single views until stopped."""
    _set_up_django()
    from tools.bench.soak.freshness_probe import FreshnessProbe
    from tools.bench.soak.load import PageVisitor

    answer_queue = AnswerQueue(answers)
    probe = FreshnessProbe(dataset, journal, flags.stopping)
    visitor = PageVisitor(probe.product, answer_queue.put, flags)
    ready.set()
    visitor.start()
    probe.run()
    visitor.join()
    answer_queue.end()
    findings.put((visitor.stats, probe.results))


def judge(dataset: SoakDataset, journal: Path, answers: Queue[Any], verdict: Queue[Any]) -> None:
    """Judge answers, after reading the journal up to their time, until all senders have ended."""
    oracle = Oracle(
        {(space, kind): dataset.indexed_vectors(space, kind) for space in (0, 1) for kind in KINDS}
    )
    lines = JournalReader(journal)
    sources = ANSWER_SOURCES
    while sources:
        batch = answers.get()
        sources -= batch is None
        for answer in batch or ():
            while lines.until <= answer.returned_at:
                for change in lines.read():
                    oracle.apply(change)
                if lines.until <= answer.returned_at:
                    time.sleep(WAIT_S)
            oracle.judge(answer)
    lines.close()
    verdict.put(oracle.verdict)


def _set_up_django() -> None:
    """Set up Django in a spawned process; models cannot be imported before."""
    import django

    django.setup()
