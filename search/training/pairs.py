"""Examples as arrays: features of pictures and texts, and which text is true of which picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from search.training.examples import Example


@dataclass(frozen=True, slots=True)
class Batch:
    """`pictures` (b, features), `texts` (b, 384) one true text each, `positive` (b, b): text j is true of picture i."""

    pictures: Tensor
    texts: Tensor
    positive: Tensor


class Pairs:
    """Pictures (views, n, features), distinct texts (m, 384) and the truth table between pictures and texts.

    The views of a picture are interchangeable: every batch takes one of them at random.
    """

    def __init__(self, pictures: Tensor, texts: Tensor, truth: csr_matrix) -> None:
        self.pictures = pictures
        self._texts = texts
        self._truth = truth

    def __len__(self) -> int:
        return self.pictures.shape[1]

    def split(self, share: float, rng: np.random.Generator) -> tuple[Pairs, Pairs]:
        """Two disjoint sets of pictures; the second holds `share` of them."""
        order = rng.permutation(len(self))
        cut = round(len(self) * (1 - share))
        return self._part(order[:cut]), self._part(order[cut:])

    def _part(self, rows: npt.NDArray[np.int64]) -> Pairs:
        return Pairs(self.pictures[:, torch.from_numpy(rows)], self._texts, self._truth[rows])

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Every picture once, in random order, with one of its texts; the last batch may be smaller."""
        order = rng.permutation(len(self))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            texts = np.array([self._one_text(row, rng) for row in rows])
            views = rng.integers(len(self.pictures), size=len(rows))
            pictures = self.pictures[torch.from_numpy(views), torch.from_numpy(rows)].float()
            positive = torch.from_numpy(self._truth[rows][:, texts].toarray())
            yield Batch(pictures, self._texts[torch.from_numpy(texts)].float(), positive)

    def _one_text(self, row: int, rng: np.random.Generator) -> int:
        first, last = self._truth.indptr[row], self._truth.indptr[row + 1]
        return int(self._truth.indices[rng.integers(first, last)])


def distinct_texts(examples: Sequence[Example]) -> list[str]:
    """Every text of the examples once, in order of first appearance."""
    return list(dict.fromkeys(text for example in examples for text in example.texts))


def truth_table(examples: Sequence[Example], texts: Sequence[str]) -> csr_matrix:
    """(examples, texts), one where the text is among the example's."""
    column = {text: index for index, text in enumerate(texts)}
    indices = [column[text] for example in examples for text in example.texts]
    starts = np.cumsum([0, *(len(example.texts) for example in examples)])
    return csr_matrix((np.ones(len(indices), np.float32), indices, starts), shape=(len(examples), len(texts)))
