"""Losses over the cosines of a batch of pictures and texts, where a picture may have several
true texts.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def multi_positive_info_nce(similarity: Tensor, positive: Tensor) -> Tensor:
    """InfoNCE with several positives, in both directions, averaged.

    `similarity` (pictures, texts) are scaled cosines, `positive` (pictures, texts) is true where
    a text describes a picture; every row and column needs one. For a row r with positives P:
    −1/|P| Σ_{p∈P} log softmax(r)_p. Source: Khosla et al., Supervised Contrastive Learning
    (2020), L_out.
    """
    return (_one_way(similarity, positive) + _one_way(similarity.T, positive.T)) / 2


def _one_way(similarity: Tensor, positive: Tensor) -> Tensor:
    found = (similarity.log_softmax(dim=-1) * positive).sum(-1)
    return -(found / positive.sum(-1)).mean()


def pairwise_sigmoid(logits: Tensor, positive: Tensor) -> Tensor:
    """Every picture–text pair judged by itself: −1/n Σ log σ(±logit), + where the text is true
    of the picture.

    Shapes as above; `logits` are scaled cosines plus a bias. Source: Zhai et al., Sigmoid Loss
    for Language Image Pre-Training (2023), with every true text a positive instead of one.
    """
    return -functional.logsigmoid((2 * positive - 1) * logits).sum() / len(logits)


def relational_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence from the teacher's softened similarities to the student's, both ways, averaged.

    Both (pictures, texts), scaled cosines: the two spaces may differ in width.
    Source: Yang et al., CLIP-KD (2024), contrastive relational distillation.
    """
    return (_divergence(student, teacher) + _divergence(student.T, teacher.T)) / 2


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    return functional.kl_div(
        student.log_softmax(dim=-1),
        teacher.log_softmax(dim=-1),
        reduction="batchmean",
        log_target=True,
    )


def cosine_distance(vectors: Tensor, targets: Tensor) -> Tensor:
    """Mean of 1 − cosine, row by row. Shapes: both (n, dim), unit vectors."""
    return 1 - (vectors * targets).sum(-1).mean()
