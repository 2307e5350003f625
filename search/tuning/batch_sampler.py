"""In which order, and with which texts, an epoch goes through the pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.types import Ids


@dataclass(frozen=True, slots=True)
class Order:
    """Every row of the pairs once, (n,), and the text it comes with, (n,); −1 for any true one."""

    rows: Ids
    texts: Ids


@dataclass(frozen=True, slots=True)
class HardNegatives:
    """Of each picture the nearest texts that are false of it, nearest first, each with a picture
    that it is true of.

    Shapes: `pictures` and `texts` (n, k), −1 where there are fewer than k.
    """

    pictures: Ids
    texts: Ids

    def order(self, rng: np.random.Generator) -> Order:
        """Pictures in random order, each followed by its hard negatives that have not come
        before.
        """
        taken = np.zeros(len(self.pictures), bool)
        found: list[tuple[int, int]] = []
        for seed in rng.permutation(len(self.pictures)).tolist():
            if not taken[seed]:
                family = [
                    (seed, -1),
                    *zip(self.pictures[seed].tolist(), self.texts[seed].tolist(), strict=True),
                ]
                for row, text in family:
                    if row >= 0 and not taken[row]:
                        taken[row] = True
                        found.append((row, text))
        rows, texts = np.array(found, np.int64).T
        return Order(rows, texts)


def random_order(count: int, rng: np.random.Generator) -> Order:
    """Rows in random order, each with any of its texts."""
    return Order(rng.permutation(count), np.full(count, -1, np.int64))
