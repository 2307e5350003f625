"""Training pairs: features of pictures and texts, and which text is true of which picture.

`Pairs.from_arrays` is the entry point for every source: data folders, a catalogue, database rows,
clicks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from search.errors import InputError
from search.tuning.sampling import HardNegatives, shuffle_rows, split_groups
from search.types import Ids

Floats = npt.NDArray[np.float16] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Teacher:
    """Unit vectors of another encoder for the same pictures (n, width) and texts (m, width)."""

    pictures: Tensor
    texts: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Features of b pictures, (b, ...), with one true text each, (b, width).

    `positive` (b, b) is 1 where text j is true of picture i. With a teacher, its vectors of both
    are given too, (b, width) each.
    """

    pictures: Tensor
    texts: Tensor
    positive: Tensor
    teacher_pictures: Tensor | None = None
    teacher_texts: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pictures (views, n, ...), distinct texts (m, width), truth table (n, m) and groups (n,).

    The views of a picture are interchangeable: each batch takes one at random. The first view is
    the one that an encoder sees in production. Pictures of one group (a product) never lie on
    both sides of a split.
    """

    pictures: Tensor
    texts: Tensor
    truth: csr_matrix
    groups: Ids
    teacher: Teacher | None = None

    @classmethod
    def from_arrays(
        cls,
        pictures: Floats,
        texts: Floats,
        truth: csr_matrix,
        groups: Ids | None = None,
        teacher: tuple[Floats, Floats] | None = None,
    ) -> Pairs:
        """Build pairs from picture features, text features and a truth table.

        Shapes: pictures (views, n, F) or (n, F), texts (m, T), truth (n, m), nonzero where true;
        `teacher` holds the teacher's vectors of the n pictures and m texts. Without `groups`
        every picture is a group of its own. Equal texts are merged, and the merged text is true
        of a picture if any of them was; otherwise one text would be taught as true and as false.
        Raises InputError when shapes disagree, a number is not finite or a picture has no text.
        """
        views = pictures[None] if pictures.ndim == 2 else pictures
        count = views.shape[1]
        group_ids = np.arange(count) if groups is None else np.asarray(groups, np.int64)
        _check(views, texts, truth, group_ids, teacher)
        kept, column = _find_distinct(texts)
        merged = csr_matrix(
            truth @ csr_matrix((np.ones(len(column), np.float32), (range(len(column)), column)))
        )
        merged.data = np.ones_like(merged.data)
        distilled = teacher and Teacher(_tensor(teacher[0]), _tensor(teacher[1][kept]))
        return cls(_tensor(views), _tensor(texts[kept]), merged, group_ids, distilled or None)

    def __len__(self) -> int:
        return self.pictures.shape[1]

    def to(self, device: torch.device) -> Pairs:
        """Return the same pairs with their features on a device."""
        teacher = self.teacher and Teacher(
            self.teacher.pictures.to(device), self.teacher.texts.to(device)
        )
        return replace(
            self, pictures=self.pictures.to(device), texts=self.texts.to(device), teacher=teacher
        )

    def split(self, share: float, rng: np.random.Generator) -> tuple[Pairs, Pairs]:
        """Split into two sets without a common group; the second holds about `share`.

        Raises InputError for a single group.
        """
        first, second = split_groups(self.groups, share, rng)
        return self._select(first), self._select(second)

    def _select(self, rows: Ids) -> Pairs:
        index = torch.from_numpy(rows)
        teacher = self.teacher and Teacher(self.teacher.pictures[index], self.teacher.texts)
        return Pairs(
            self.pictures[:, index], self.texts, self.truth[rows], self.groups[rows], teacher
        )

    def first_view(self) -> Pairs:
        """Return the pairs with the first view of each picture only."""
        return replace(self, pictures=self.pictures[:1])

    def batches(
        self, size: int, rng: np.random.Generator, hard: HardNegatives | None = None
    ) -> Iterator[Batch]:
        """Yield every picture once with one of its texts, in random order.

        The last batch may be smaller. With `hard`, a picture is followed by its hard negatives.
        """
        order = hard.shuffle(rng) if hard else shuffle_rows(len(self), rng)
        for start in range(0, len(order.rows), size):
            rows, fixed = order.rows[start : start + size], order.texts[start : start + size]
            texts = np.where(fixed >= 0, fixed, self._draw_true_texts(rows, rng))
            yield self._batch(rows, texts, rng.integers(len(self.pictures), size=len(rows)))

    def _draw_true_texts(self, rows: Ids, rng: np.random.Generator) -> Ids:
        chosen = rng.integers(self.truth.indptr[rows], self.truth.indptr[rows + 1])
        return self.truth.indices[chosen].astype(np.int64)

    def _batch(self, rows: Ids, texts: Ids, views: Ids) -> Batch:
        row, text, view = map(torch.from_numpy, (rows, texts, views))
        positive = torch.from_numpy(self.truth[rows][:, texts].toarray()).to(self.pictures.device)
        pictures = self.pictures[view, row].float()
        if self.teacher is None:
            return Batch(pictures, self.texts[text].float(), positive)
        taught = self.teacher.pictures[row].float(), self.teacher.texts[text].float()
        return Batch(pictures, self.texts[text].float(), positive, *taught)

    def summary(self) -> dict[str, int | str]:
        """Return counts and the digest, for the training record."""
        views, groups = len(self.pictures), len(np.unique(self.groups))
        counts = {"pictures": len(self), "views": views, "texts": len(self.texts), "groups": groups}
        return counts | {"digest": self.digest()}

    def digest(self) -> str:
        """Return the SHA-256 of all features, truths and groups."""
        tensors = [self.pictures, self.texts]
        if self.teacher:
            tensors += [self.teacher.pictures, self.teacher.texts]
        tables = (self.truth.indptr, self.truth.indices, self.truth.data, self.groups)
        digest = hashlib.sha256()
        for array in (*(tensor.cpu().numpy() for tensor in tensors), *tables):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _tensor(array: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float16))


def _find_distinct(texts: Floats) -> tuple[Ids, Ids]:
    """Return the first row of every distinct text (k,), and for each text its distinct one (m,)."""
    numbers: dict[bytes, int] = {}
    column = np.array(
        [numbers.setdefault(row.tobytes(), len(numbers)) for row in np.asarray(texts, np.float16)],
        np.int64,
    )
    return np.unique(column, return_index=True)[1].astype(np.int64), column


def _check(
    pictures: Floats,
    texts: Floats,
    truth: csr_matrix,
    groups: Ids,
    teacher: tuple[Floats, Floats] | None,
) -> None:
    expected = (pictures.shape[1], len(texts))
    taught = expected if teacher is None else (len(teacher[0]), len(teacher[1]))
    for name, shape in (
        ("truth table", truth.shape),
        ("teacher", taught),
        ("groups", (len(groups), len(texts))),
    ):
        if tuple(shape) != expected:
            raise InputError(f"{name} should be of {expected} pictures and texts", value=shape)
    if not all(np.isfinite(array).all() for array in (pictures, texts, *(teacher or ()))):
        raise InputError("a feature is not finite", fix="Compute the features again.")
    without_text = int((np.diff(truth.indptr) == 0).sum())
    if without_text:
        raise InputError(
            "pictures without a true text cannot be trained on",
            value=without_text,
            fix="Leave them out.",
        )
