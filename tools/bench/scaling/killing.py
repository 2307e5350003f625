"""Builders killed at random moments, while a reader goes on answering from the generation
before.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from pathlib import Path

from search.errors import OmnishelfError
from search.types import Modality
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from tools.bench.index.data import HELD, Dataset, K
from tools.bench.scaling.building import Build
from tools.bench.scaling.catalogue import space_of

ASKED = 20


@dataclass(frozen=True, slots=True)
class Killing:
    """`clean_seconds` is a build that nobody disturbed, `last_seconds` the one after the last
    kill, which resumed.

    `published` builds were faster than the moment drawn for their death. `wrong` counts answers
    of the reader that changed or failed meanwhile, `damaged` the kills after which what is live
    could not be verified.
    """

    kills: int
    published: int
    clean_seconds: float
    last_seconds: float
    answers: int
    wrong: int
    damaged: int


class Reader(threading.Thread):
    """Asks the same questions of the generation that it opened, over and over."""

    def __init__(self, root: Path, dataset: Dataset) -> None:
        super().__init__(daemon=True)
        self._index = FaissIndexReader(root, space_of(dataset))
        self._queries = dataset.queries(Modality.TEXT, HELD)[:ASKED]
        self._stopping = threading.Event()
        self.answers = self.wrong = 0

    def run(self) -> None:
        wanted = self._ask()
        while not self._stopping.wait(0.05):
            try:
                self.wrong += self._ask() != wanted
            except OmnishelfError:
                self.wrong += 1
            self.answers += 1

    def _ask(self) -> list[list[int]]:
        answers = self._index.search(
            self._queries, Modality.PICTURE, K, query_modality=Modality.TEXT
        )
        return [answer.view_ids.tolist() for answer in answers]

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def kill_builds(
    folder: Path, root: Path, seq: int, kills: int, clean_seconds: float, seed: int = 5
) -> Killing:
    """There must be a generation below `seq`, built from `folder` in `clean_seconds`. Raises
    RuntimeError when a build fails by itself.
    """
    dataset, moments = Dataset.open(folder), random.Random(seed)  # noqa: S311  # moments are no secret
    reader = Reader(root, dataset)
    reader.start()
    killed = published = damaged = 0
    longest = clean_seconds
    while killed < kills:
        build = Build(folder, root, seq + published)
        if build.runs(moments.uniform(0, longest)):
            build.kill()
            killed += 1
            damaged += not intact(root, dataset)
        else:
            longest = min(longest, build.finish())
            published += 1
    last = Build(folder, root, seq + published).finish()
    reader.stop()
    damaged += not intact(root, dataset, seq + published)
    return Killing(killed, published, clean_seconds, last, reader.answers, reader.wrong, damaged)


def intact(root: Path, dataset: Dataset, seq: int | None = None) -> bool:
    """Whether what is live is whole, and of this seq when one is given."""
    try:
        manifest = FaissGenerations(root, space_of(dataset)).verify()
    except OmnishelfError:
        return False
    fault = FaissIndexReader(root, space_of(dataset)).status().fault
    return fault is None and manifest.views >= dataset.spec.rows and seq in (None, manifest.seq)
