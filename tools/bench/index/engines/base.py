"""What an engine has to offer to take part."""

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
"""Search parameters by the engine's own names; none where there is nothing to set."""

Ladder = list[Setting]
"""Settings from the cheapest to the most careful."""

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Values tried of nprobe and ef: coarser steps would make an engine look slower than it is."""

FACTORS = (1, 2, 4, 8, 16, 32)
"""Values tried of re-scored candidates by wanted ones."""


def steps(name: str, least: int = 1, most: int = STEPS[-1], **fixed: int) -> Ladder:
    """A ladder over one parameter, from `least` to `most`."""
    return [{name: step, **fixed} for step in STEPS if least <= step <= most]


class CannotTakePart(OmnishelfError):
    """The machine lacks what an engine needs."""

    code = "engine_cannot_take_part"


class Engine(ABC):
    """Builds an index of a dataset in its folder, and in another process opens and searches it.

    Row numbers of the dataset are the ids. Everything between a query and ids with scores is
    inside `search`.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    licence: ClassVar[str]
    module: ClassVar[str] = "faiss"
    """What to import before anything is measured: code is neither part of the build nor memory
    of a vector."""

    slow: ClassVar[bool] = False
    """Slow ones are asked fewer queries, and once instead of in every round."""

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.folder = folder
        self.dataset = dataset

    @classmethod
    def version(cls) -> str:
        """Raises importlib.metadata.PackageNotFoundError where it is not installed,
        CannotTakePart.
        """
        return importlib.metadata.version(cls.package)

    @property
    def lists(self) -> int:
        """Inverted lists usual for this many rows: the power of two from 4√n on, where k-means
        has 39 points a list.
        """
        rows = self.dataset.spec.rows
        return min(1 << max(0, int(4 * rows**0.5) - 1).bit_length(), max(1, rows // 39))

    @abstractmethod
    def build(self) -> None:
        """Write the index into the folder, with all cores."""

    @abstractmethod
    def open(self) -> None:
        """Load it as a serving process would."""

    def close(self) -> None:  # noqa: B027
        """Let go of what would outlive the process, if anything does."""

    def ladders(self) -> list[Ladder]:
        """Ladders to climb, each on its own."""
        return [[{}]]

    def apply(self, setting: Setting) -> None:  # noqa: B027
        """Search with this setting from now on, where there is one."""

    def use_threads(self, threads: int) -> None:  # noqa: B027
        """Search batches with so many threads, where the engine lets one choose."""

    def about(self) -> str:
        """What was built, in the engine's own words."""
        return ""

    @abstractmethod
    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        """What a caller of the engine gets for a batch of queries, shape (q, dim), of this kind."""

    @abstractmethod
    def rows(self, answer: Any, k: int) -> Ids:
        """Rows found, shape (q, k), -1 where there are fewer."""


def padded(found: list[list[int]], k: int) -> Ids:
    """Lists of ids as one array, shape (q, k), -1 where there are fewer."""
    rows = np.full((len(found), k), -1, np.int64)
    for number, ids in enumerate(found):
        rows[number, : len(ids)] = ids
    return rows
