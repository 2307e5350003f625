"""Order of an epoch's pictures, and splits that keep groups of pictures together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from search.errors import InputError
from search.types import Ids


@dataclass(frozen=True, slots=True)
class EpochOrder:
    """Every picture row once, (n,), and the text to pair it with, (n,); −1 for any true text."""

    rows: Ids
    texts: Ids


@dataclass(frozen=True, slots=True)
class HardNegatives:
    """For each picture the nearest false texts, nearest first, each with a picture it describes.

    Shapes: `pictures` and `texts` (n, k), −1 where there are fewer than k.
    """

    pictures: Ids
    texts: Ids

    def shuffle(self, rng: np.random.Generator) -> EpochOrder:
        """Return pictures in random order, each followed by its hard negatives not yet used."""
        used = np.zeros(len(self.pictures), bool)
        order: list[tuple[int, int]] = []
        for seed in rng.permutation(len(self.pictures)).tolist():
            if used[seed]:
                continue
            negatives = zip(self.pictures[seed].tolist(), self.texts[seed].tolist(), strict=True)
            for row, text in [(seed, -1), *negatives]:
                if row >= 0 and not used[row]:
                    used[row] = True
                    order.append((row, text))
        rows, texts = np.array(order, np.int64).T
        return EpochOrder(rows, texts)


def shuffle_rows(count: int, rng: np.random.Generator) -> EpochOrder:
    """Return rows in random order, each with any of its texts."""
    return EpochOrder(rng.permutation(count), np.full(count, -1, np.int64))


def split_groups(groups: Ids, share: float, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Split rows into two sides without a common group, (k,) and (n − k,).

    The second side holds at most `share` of the rows, but at least one group of any size. Raises
    InputError when there is only one group.
    """
    group = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(group)
    if len(sizes) < 2:
        raise InputError(
            "nothing can be held out: all pictures are of one group", value=len(groups)
        )
    order = rng.permutation(len(sizes))
    held = _choose_groups(sizes, order[::-1], round(len(groups) * share))
    rows = np.argsort(np.argsort(order)[group], kind="stable")
    return rows[~held[group[rows]]], rows[held[group[rows]]]


def _choose_groups(sizes: Ids, order: Ids, quota: int) -> npt.NDArray[np.bool_]:
    """Mark groups in this order while they fit into the quota of rows."""
    chosen = np.zeros(len(sizes), bool)
    for group in order:
        if sizes[group] <= quota:
            chosen[group] = True
            quota -= sizes[group]
    if not chosen.any():
        chosen[sizes.argmin()] = True
    return chosen


def link_groups(*labels: Sequence[Hashable]) -> Ids:
    """Return one group number per picture, (n,): pictures that share a label share a group.

    Groups are transitive, over a third picture too. Each of `labels` names one property of the n
    pictures, for example their product or their title.
    """
    count = len(labels[0])
    number: dict[Hashable, int] = {}
    nodes: list[int] = []
    for kind, named in enumerate(labels):
        nodes.extend(number.setdefault((kind, label), count + len(number)) for label in named)
    rows = np.tile(np.arange(count), len(labels))
    size = count + len(number)
    graph = coo_matrix((np.ones(len(nodes), np.int8), (rows, np.array(nodes))), shape=(size, size))
    groups: Ids = connected_components(graph, directed=False)[1][:count].astype(np.int64)
    return groups
