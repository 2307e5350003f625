"""Contrastive loss for pictures that share texts."""

from __future__ import annotations

from torch import Tensor


def multi_positive_info_nce(similarity: Tensor, positive: Tensor) -> Tensor:
    """InfoNCE with several positives, in both directions, averaged.

    `similarity` (pictures, texts) are scaled cosines, `positive` (pictures, texts) is true where a text describes a
    picture; every row and column needs one. For a row r with positives P: −1/|P| Σ_{p∈P} log softmax(r)_p.
    Source: Khosla et al., Supervised Contrastive Learning (2020), L_out.
    """
    return (_one_way(similarity, positive) + _one_way(similarity.T, positive.T)) / 2


def _one_way(similarity: Tensor, positive: Tensor) -> Tensor:
    found = (similarity.log_softmax(dim=-1) * positive).sum(-1)
    return -(found / positive.sum(-1)).mean()
