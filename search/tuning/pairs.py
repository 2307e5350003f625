"""Training pairs as arrays: features of pictures and texts, and which text is true of which
picture.

`Pairs.from_arrays` is the entry point for every source of pairs: data folders, a catalogue,
database rows, clicks.
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
from search.tuning.batch_sampler import HardNegatives, random_order
from search.tuning.split import split_groups
from search.types import Ids

Floats = npt.NDArray[np.float16] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Teacher:
    """Unit vectors that another encoder gave the same pictures (n, width) and texts (m, width)."""

    pictures: Tensor
    texts: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """`pictures` (b, ...), `texts` (b, width) one true text each, `positive` (b, b): text j is
    true of picture i.

    The teacher's vectors of both, (b, width) each, where the pairs have a teacher.
    """

    pictures: Tensor
    texts: Tensor
    positive: Tensor
    teacher_pictures: Tensor | None = None
    teacher_texts: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pictures (views, n, ...), distinct texts (m, width), the truth table (n, m) and the group
    of each picture (n,).

    The views of a picture are interchangeable: every batch takes one of them at random; the
    first is what an encoder will see. Pictures of one group (a product's) never come to lie on
    both sides of a split.
    """

    pictures: Tensor
    texts: Tensor
    truth: csr_matrix
    groups: Ids
    teacher: Teacher | None = None

    @classmethod
    def from_arrays(
        cls, pictures: Floats, texts: Floats, truth: csr_matrix, groups: Ids | None = None,
        teacher: tuple[Floats, Floats] | None = None,
    ) -> Pairs:  # fmt: skip
        """Pairs of picture features (views, n, F) or (n, F), text features (m, T) and truth (n,
        m), nonzero where true.

        Without `groups` every picture is its own. `teacher` gives its vectors of the n pictures
        and the m texts. Equal texts become one, which is true of a picture when either was:
        otherwise the same text would be taught as true and as false. Raises InputError when
        shapes disagree, a number is not finite or a picture has no text.
        """
        views = pictures[None] if pictures.ndim == 2 else pictures
        count = views.shape[1]
        owners = np.arange(count) if groups is None else np.asarray(groups, np.int64)
        _check(views, texts, truth, owners, teacher)
        kept, column = _distinct(texts)
        merged = csr_matrix(
            truth @ csr_matrix((np.ones(len(column), np.float32), (range(len(column)), column)))
        )
        merged.data = np.ones_like(merged.data)
        taught = teacher and Teacher(_tensor(teacher[0]), _tensor(teacher[1][kept]))
        return cls(_tensor(views), _tensor(texts[kept]), merged, owners, taught or None)

    def __len__(self) -> int:
        return self.pictures.shape[1]

    def to(self, device: torch.device) -> Pairs:
        """The same pairs with their features on a device."""
        teacher = self.teacher and Teacher(
            self.teacher.pictures.to(device), self.teacher.texts.to(device)
        )
        return replace(
            self, pictures=self.pictures.to(device), texts=self.texts.to(device), teacher=teacher
        )

    def split(self, share: float, rng: np.random.Generator) -> tuple[Pairs, Pairs]:
        """Two sets without a common group; the second holds about `share` of the pictures.
        Raises InputError for one group alone.
        """
        first, second = split_groups(self.groups, share, rng)
        return self._part(first), self._part(second)

    def _part(self, rows: Ids) -> Pairs:
        index = torch.from_numpy(rows)
        teacher = self.teacher and Teacher(self.teacher.pictures[index], self.teacher.texts)
        return Pairs(
            self.pictures[:, index], self.texts, self.truth[rows], self.groups[rows], teacher
        )

    def first_view(self) -> Pairs:
        """The pictures as an encoder will see them."""
        return replace(self, pictures=self.pictures[:1])

    def batches(
        self, size: int, rng: np.random.Generator, hard: HardNegatives | None = None
    ) -> Iterator[Batch]:
        """Every picture once with one of its texts, in random order; the last batch may be smaller.

        With `hard`, pictures come beside their hard negatives.
        """
        order = hard.order(rng) if hard else random_order(len(self), rng)
        for start in range(0, len(order.rows), size):
            rows, asked = order.rows[start : start + size], order.texts[start : start + size]
            texts = np.where(asked >= 0, asked, self._true_texts(rows, rng))
            yield self._batch(rows, texts, rng.integers(len(self.pictures), size=len(rows)))

    def _true_texts(self, rows: Ids, rng: np.random.Generator) -> Ids:
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
        """Counts and digest, for a training's record."""
        views, groups = len(self.pictures), len(np.unique(self.groups))
        counts = {"pictures": len(self), "views": views, "texts": len(self.texts), "groups": groups}
        return counts | {"digest": self.digest()}

    def digest(self) -> str:
        """SHA-256 of everything in the pairs."""
        taught = (self.teacher.pictures, self.teacher.texts) if self.teacher else ()
        tables = (self.truth.indptr, self.truth.indices, self.truth.data, self.groups)
        found = hashlib.sha256()
        for array in (
            *(tensor.cpu().numpy() for tensor in (self.pictures, self.texts, *taught)),
            *tables,
        ):
            found.update(f"{array.dtype}{array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


def _tensor(array: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float16))


def _distinct(texts: Floats) -> tuple[Ids, Ids]:
    """First row of every distinct text (k,), in order; and for each text which of these it
    equals (m,).
    """
    seen: dict[bytes, int] = {}
    column = np.array(
        [seen.setdefault(row.tobytes(), len(seen)) for row in np.asarray(texts, np.float16)],
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
    for what, found in (
        ("truth table", truth.shape),
        ("teacher", taught),
        ("groups", (len(groups), len(texts))),
    ):
        if tuple(found) != expected:
            raise InputError(f"{what} should be of {expected} pictures and texts", value=found)
    if not all(np.isfinite(array).all() for array in (pictures, texts, *(teacher or ()))):
        raise InputError("features hold a number that is not finite", fix="Compute them again.")
    without = int((np.diff(truth.indptr) == 0).sum())
    if without:
        raise InputError(
            "pictures without a true text cannot be trained on",
            value=without,
            fix="Leave them out.",
        )
