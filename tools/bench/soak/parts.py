"""The other processes of a run, each started afresh: the writer, the builder that a worker is,
and the judge.
"""

from __future__ import annotations

import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tools.bench.soak.answer_queue import Telling
from tools.bench.soak.dataset import KINDS, Goods
from tools.bench.soak.journal import JournalReader, JournalWriter
from tools.bench.soak.oracle import Truth
from tools.bench.soak.shared_flags import Marks

WAIT_S = 0.02
TELLING = 2
"""Processes whose answers are judged."""


def write(
    goods: Goods, journal: Path, products: int, per_second: float, filled: Event, ended: Event
) -> None:
    """Fill the shop, then change it until the end."""
    _set_up_django()
    from tools.bench.soak.shop import Shop
    from tools.bench.soak.writer import Writer

    lines = JournalWriter(journal)
    writer = Writer(Shop(goods), lines, goods.contents)
    writer.fill(products)
    filled.set()
    writer.write(per_second, ended.is_set)
    lines.close()


def build(orders: Queue[str | None], done: Queue[dict[str, Any]]) -> None:
    """Build a generation of the space that an order names by its heads' checksum, '' for the one
    in use, until None.
    """
    _set_up_django()
    from indexer.index.compaction import build_generation
    from tools.bench.soak.shop import spaces

    while (order := orders.get()) is not None:
        manifest = build_generation(spaces()[1] if order else None)
        shapes = {part.modality.value: part.shape for part in manifest.segments}
        done.put({"number": manifest.number, "seconds": manifest.build_seconds, "shapes": shapes})


def visit(
    goods: Goods, journal: Path, answers: Queue[Any], seen: Queue[Any], ready: Event, marks: Marks
) -> None:
    """Ask for pages, and for single views by their own vector, until stopped."""
    _set_up_django()
    from tools.bench.soak.freshness_probe import Prober
    from tools.bench.soak.load import Visitor

    telling = Telling(answers)
    prober = Prober(goods, journal, marks.stopping)
    visitor = Visitor(prober.product, telling.tell, marks)
    ready.set()
    visitor.start()
    prober.run()
    visitor.join()
    telling.end()
    seen.put((visitor.tally, prober.probes))


def judge(goods: Goods, journal: Path, answers: Queue[Any], verdict: Queue[Any]) -> None:
    """Judge answers as the journal catches up with them, until None has come from each of those
    who tell.
    """
    truth = Truth(
        {(space, kind): goods.searched(space, kind) for space in (0, 1) for kind in KINDS}
    )
    lines = JournalReader(journal)
    telling = TELLING
    while telling:
        answered = answers.get()
        telling -= answered is None
        for answer in answered or ():
            while lines.until <= answer.returned:
                for change in lines.read():
                    truth.follow(change)
                if lines.until <= answer.returned:
                    time.sleep(WAIT_S)
            truth.judge(answer)
    lines.close()
    verdict.put(truth.verdict)


def _set_up_django() -> None:
    """A fresh process has none, and models cannot be imported before."""
    import django

    django.setup()
