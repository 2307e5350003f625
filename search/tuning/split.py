"""Groups of pictures that belong together, and splits that keep every group on one side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from search.errors import InputError
from search.types import Ids


def split_groups(groups: Ids, share: float, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Rows (k,) and (n − k,) of two sides without a common group; the second holds at most
    `share` of the rows.

    It holds one group at least, however large. Raises InputError when there is only one group.
    """
    group = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(group)
    if len(sizes) < 2:
        raise InputError(
            "nothing can be held out: all pictures are of one group", value=len(groups)
        )
    order = rng.permutation(len(sizes))
    held = _filling(sizes, order[::-1], round(len(groups) * share))
    rows = np.argsort(np.argsort(order)[group], kind="stable")
    return rows[~held[group[rows]]], rows[held[group[rows]]]


def _filling(sizes: Ids, order: Ids, quota: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which groups are taken, in this order, while they fit."""
    taken = np.zeros(len(sizes), bool)
    for group in order:
        if sizes[group] <= quota:
            taken[group] = True
            quota -= sizes[group]
    if not taken.any():
        taken[sizes.argmin()] = True
    return taken


def linked_groups(*labels: Sequence[Hashable]) -> Ids:
    """One group number (n,) per picture: pictures that share any label are of one group, also
    over a third picture.

    Each of `labels` names something of the n pictures, for example their product, or their title.
    """
    count = len(labels[0])
    number: dict[Hashable, int] = {}
    nodes = np.array([
        number.setdefault((kind, label), count + len(number)) for kind, named in enumerate(labels) for label in named
    ])  # fmt: skip
    rows = np.tile(np.arange(count), len(labels))
    size = count + len(number)
    graph = coo_matrix((np.ones(len(nodes), np.int8), (rows, nodes)), shape=(size, size))
    found: Ids = connected_components(graph, directed=False)[1][:count].astype(np.int64)
    return found
