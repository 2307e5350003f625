"""Hard negatives: batches in which pictures meet the texts they are most easily mistaken for.

Source of the idea: Robinson et al., Contrastive Learning with Hard Negative Samples (2021); here
they are not re-weighted but brought into the batch, and what may be true is never taken for a
negative.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from search.tuning.batch_sampler import HardNegatives
from search.tuning.heads import Heads
from search.tuning.pairs import Pairs
from search.types import Ids

AT_ONCE = 512


@torch.inference_mode()
def mine(heads: Heads, pairs: Pairs, count: int, rng: np.random.Generator) -> HardNegatives:
    """`count` hard negatives of every picture under these heads.

    A text is no negative of a picture when it is true of it, or of another picture of its group.
    """
    heads.eval()
    pictures = _projected(heads.picture, pairs.pictures[0])
    texts = _projected(heads.text, pairs.texts)
    excluded, bearers = _group_truth(pairs), pairs.truth.tocsc()
    unused = np.flatnonzero(np.diff(bearers.indptr) == 0)
    found = [
        _nearest(
            pictures[start : start + AT_ONCE] @ texts.T,
            excluded[start : start + AT_ONCE],
            unused,
            count,
        )
        for start in range(0, len(pictures), AT_ONCE)
    ]
    nearest = np.concatenate(found)
    known = np.maximum(nearest, 0)
    low, high = bearers.indptr[known], bearers.indptr[known + 1]
    chosen = bearers.indices[
        rng.integers(low, np.maximum(high, low + 1)).clip(max=len(bearers.indices) - 1)
    ]
    return HardNegatives(np.where(nearest >= 0, chosen, -1).astype(np.int64), nearest)


def _projected(head: torch.nn.Module, features: Tensor) -> Tensor:
    return torch.cat(
        [
            head(features[start : start + AT_ONCE].float())
            for start in range(0, len(features), AT_ONCE)
        ]
    )


def _group_truth(pairs: Pairs) -> csr_matrix:
    """(n, texts), nonzero where a text is true of any picture of the row's group."""
    group = np.unique(pairs.groups, return_inverse=True)[1]
    membership = csr_matrix((np.ones(len(group), np.float32), (np.arange(len(group)), group)))
    return csr_matrix(membership @ (membership.T @ pairs.truth))


def _nearest(cosines: Tensor, excluded: csr_matrix, unused: Ids, count: int) -> Ids:
    rows, columns = excluded.nonzero()
    cosines[torch.from_numpy(rows), torch.from_numpy(columns)] = -torch.inf
    cosines[:, torch.from_numpy(unused)] = -torch.inf
    best = cosines.topk(min(count, cosines.shape[1]), dim=1)
    found: Ids = torch.where(best.values.isfinite(), best.indices, -1).cpu().numpy()
    return found
