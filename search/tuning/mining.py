"""Hard-negative mining: the false texts that a picture is most easily confused with.

Source of the idea: Robinson et al., Contrastive Learning with Hard Negative Samples (2021). Here
negatives are not re-weighted but put into the same batch, and a text that may be true is never
taken for a negative.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from search.tuning.heads import HeadPair
from search.tuning.pairs import Pairs
from search.tuning.sampling import HardNegatives
from search.types import Ids

BATCH_SIZE = 512


@torch.inference_mode()
def mine_hard_negatives(
    heads: HeadPair, pairs: Pairs, count: int, rng: np.random.Generator
) -> HardNegatives:
    """Return up to `count` hard negatives of every picture under these heads.

    1. Project pictures and texts.
    2. For each picture take the nearest texts that are not true of its group.
    3. For each such text draw one picture that it is true of.
    """
    heads.eval()
    pictures = _project(heads.picture, pairs.pictures[0])
    texts = _project(heads.text, pairs.texts)
    excluded, pictures_of_text = _group_truth(pairs), pairs.truth.tocsc()
    unused = np.flatnonzero(np.diff(pictures_of_text.indptr) == 0)
    batches = []
    for start in range(0, len(pictures), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        batches.append(_nearest_texts(pictures[rows] @ texts.T, excluded[rows], unused, count))
    nearest = np.concatenate(batches)
    known = np.maximum(nearest, 0)
    low, high = pictures_of_text.indptr[known], pictures_of_text.indptr[known + 1]
    drawn = rng.integers(low, np.maximum(high, low + 1))
    chosen = pictures_of_text.indices[drawn.clip(max=len(pictures_of_text.indices) - 1)]
    return HardNegatives(np.where(nearest >= 0, chosen, -1).astype(np.int64), nearest)


def _project(head: nn.Module, features: Tensor) -> Tensor:
    return torch.cat([head(batch.float()) for batch in torch.split(features, BATCH_SIZE)])


def _group_truth(pairs: Pairs) -> csr_matrix:
    """Return (n, texts), nonzero where a text is true of any picture of the row's group."""
    group = np.unique(pairs.groups, return_inverse=True)[1]
    membership = csr_matrix((np.ones(len(group), np.float32), (np.arange(len(group)), group)))
    return csr_matrix(membership @ (membership.T @ pairs.truth))


def _nearest_texts(cosines: Tensor, excluded: csr_matrix, unused: Ids, count: int) -> Ids:
    rows, columns = excluded.nonzero()
    cosines[torch.from_numpy(rows), torch.from_numpy(columns)] = -torch.inf
    cosines[:, torch.from_numpy(unused)] = -torch.inf
    best = cosines.topk(min(count, cosines.shape[1]), dim=1)
    nearest: Ids = torch.where(best.values.isfinite(), best.indices, -1).cpu().numpy()
    return nearest
