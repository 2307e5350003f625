"""Kill builders at random moments while a reader answers from the previous generation."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from pathlib import Path

from search.errors import OmnishelfError
from search.types import Modality
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from tools.bench.index.data import HELD_OUT, Dataset, K
from tools.bench.scaling.building import BuildProcess
from tools.bench.scaling.catalogue import resolve_space

QUERY_COUNT = 20


@dataclass(frozen=True, slots=True)
class KillResult:
    """Results of the kills.

    `clean_seconds` is the time of an undisturbed build, `last_seconds` that of the build after
    the last kill, which resumed. `published` builds ended before they were killed. `wrong` counts
    answers of the reader that changed or failed, `damaged` the kills after which the live
    generation could not be verified.
    """

    kills: int
    published: int
    clean_seconds: float
    last_seconds: float
    answers: int
    wrong: int
    damaged: int


class Reader(threading.Thread):
    """Repeats the same queries on the generation that it opened."""

    def __init__(self, root: Path, dataset: Dataset) -> None:
        super().__init__(daemon=True)
        self._index = FaissIndexReader(root, resolve_space(dataset))
        self._queries = dataset.queries(Modality.TEXT, HELD_OUT)[:QUERY_COUNT]
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
) -> KillResult:
    """Kill builds of generation `seq`, on top of one built from `folder` in `clean_seconds`.

    Raises RuntimeError when a build fails by itself.
    """
    dataset = Dataset.open(folder)
    moments = random.Random(seed)  # noqa: S311  # a sample, not a secret
    reader = Reader(root, dataset)
    reader.start()
    killed = published = damaged = 0
    longest = clean_seconds
    while killed < kills:
        build = BuildProcess(folder, root, seq + published)
        if build.runs(moments.uniform(0, longest)):
            build.kill()
            killed += 1
            damaged += not is_intact(root, dataset)
        else:
            longest = min(longest, build.finish())
            published += 1
    last = BuildProcess(folder, root, seq + published).finish()
    reader.stop()
    damaged += not is_intact(root, dataset, seq + published)
    return KillResult(killed, published, clean_seconds, last, reader.answers, reader.wrong, damaged)


def is_intact(root: Path, dataset: Dataset, seq: int | None = None) -> bool:
    """Return whether the live generation is undamaged, and of this seq if one is given."""
    try:
        manifest = FaissGenerations(root, resolve_space(dataset)).verify()
    except OmnishelfError:
        return False
    fault = FaissIndexReader(root, resolve_space(dataset)).status().fault
    return fault is None and manifest.views >= dataset.spec.rows and seq in (None, manifest.seq)
