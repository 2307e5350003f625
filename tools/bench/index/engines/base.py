"""The interface of an engine."""

from __future__ import annotations

import importlib.metadata
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from search.errors import OmnishelfError
from search.types import Ids, Modality, Vectors
from tools.bench.index.data import Dataset

Setting = dict[str, int]
"""Search parameters by the engine's own names; may be empty."""

Ladder = list[Setting]
"""Settings from the cheapest to the most accurate."""

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Values of nprobe and ef to try: coarser steps would make an engine look slower than it is."""

FACTORS = (1, 2, 4, 8, 16, 32)
"""Numbers of re-scored candidates per wanted result to try."""


def parameter_ladder(name: str, minimum: int = 1, maximum: int = STEPS[-1], **fixed: int) -> Ladder:
    """Return a ladder over one parameter, from `minimum` to `maximum`."""
    return [{name: step, **fixed} for step in STEPS if minimum <= step <= maximum]


class EngineUnavailable(OmnishelfError):
    """The machine lacks something that the engine needs."""

    code = "engine_unavailable"


class Engine(ABC):
    """Builds an index of a dataset in its folder, and in another process opens and searches it.

    Row numbers of the dataset are the ids. `search` contains everything between a query and ids
    with scores.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    licence: ClassVar[str]
    module: ClassVar[str] = "faiss"
    """Module to import before measuring, so that its code counts neither as time nor memory."""

    slow: ClassVar[bool] = False
    """Slow engines answer fewer queries, in one round only."""

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.folder = folder
        self.dataset = dataset

    @classmethod
    def version(cls) -> str:
        """Return the version; raise PackageNotFoundError or EngineUnavailable."""
        return importlib.metadata.version(cls.package)

    @property
    def lists(self) -> int:
        """Usual number of inverted lists: the power of two above 4√n, with 39 points per list."""
        rows = self.dataset.spec.rows
        return min(1 << max(0, int(4 * rows**0.5) - 1).bit_length(), max(1, rows // 39))

    @abstractmethod
    def build(self) -> None:
        """Write the index into the folder, with all cores."""

    @abstractmethod
    def open(self) -> None:
        """Load the index like a serving process."""

    def close(self) -> None:  # noqa: B027
        """Release resources that would outlive the process."""

    def ladders(self) -> list[Ladder]:
        """Return the ladders of settings that tuning tries."""
        return [[{}]]

    def apply(self, setting: Setting) -> None:  # noqa: B027
        """Use this setting for the following searches."""

    def use_threads(self, threads: int) -> None:  # noqa: B027
        """Set the number of threads of batch searches, if the engine supports it."""

    def about(self) -> str:
        """Return a description of the index, in the engine's own terms."""
        return ""

    @abstractmethod
    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        """Return the engine's own answer to a batch of queries, (q, dim), of this kind."""

    @abstractmethod
    def rows(self, answer: Any, k: int) -> Ids:
        """Return the rows of an answer, (q, k), -1 where there are fewer."""


def pad_rows(results: list[list[int]], k: int) -> Ids:
    """Return lists of ids as one array, (q, k), -1 where there are fewer."""
    rows = np.full((len(results), k), -1, np.int64)
    for number, ids in enumerate(results):
        rows[number, : len(ids)] = ids
    return rows
