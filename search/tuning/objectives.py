"""Training objectives, chosen by name, and the losses they are made of.

A picture may have several true texts. Each objective learns its own temperature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from search.errors import ConfigError

MAX_SCALE = 100.0
CONTRAST_TEMPERATURE = 0.07
SIGMOID_TEMPERATURE = 0.1
SIGMOID_BIAS = -10.0
TEACHER_TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True)
class BatchVectors:
    """Unit vectors of a batch: b pictures, b texts, and whether text j is true of picture i.

    `positive` is (b, b). With a teacher, its vectors of the same pictures and texts are given
    too, (b, teacher's width) each.
    """

    pictures: Tensor
    texts: Tensor
    positive: Tensor
    teacher_pictures: Tensor | None = None
    teacher_texts: Tensor | None = None

    @property
    def cosines(self) -> Tensor:
        """Cosines, (pictures, texts)."""
        return self.pictures @ self.texts.T

    def require_teacher(self) -> tuple[Tensor, Tensor]:
        """Return the teacher's vectors of pictures and texts. Raises ConfigError without one."""
        if self.teacher_pictures is None or self.teacher_texts is None:
            raise ConfigError(
                "distillation needs a teacher's vectors", fix="Give the pairs a teacher."
            )
        return self.teacher_pictures, self.teacher_texts


def multi_positive_info_nce(similarity: Tensor, positive: Tensor) -> Tensor:
    """Return InfoNCE with several positives, averaged over both directions.

    `similarity` (pictures, texts) are scaled cosines; `positive` (pictures, texts) is 1 where a
    text is true of a picture, with at least one per row and column. For a row r with positives
    P: −1/|P| Σ_{p∈P} log softmax(r)_p. Source: Khosla et al., Supervised Contrastive Learning
    (2020), L_out.
    """
    return (_info_nce(similarity, positive) + _info_nce(similarity.T, positive.T)) / 2


def _info_nce(similarity: Tensor, positive: Tensor) -> Tensor:
    likelihood = (similarity.log_softmax(dim=-1) * positive).sum(-1)
    return -(likelihood / positive.sum(-1)).mean()


def pairwise_sigmoid(logits: Tensor, positive: Tensor) -> Tensor:
    """Return the sigmoid loss over all pairs: −1/n Σ log σ(±logit), + for true pairs.

    `logits` (pictures, texts) are scaled cosines plus a bias. Source: Zhai et al., Sigmoid Loss
    for Language Image Pre-Training (2023), here with every true text a positive.
    """
    return -functional.logsigmoid((2 * positive - 1) * logits).sum() / len(logits)


def relational_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the KL divergence from the teacher's similarities, averaged over both directions.

    Both are scaled cosines (pictures, texts), so the two spaces may differ in width. Source: Yang
    et al., CLIP-KD (2024), contrastive relational distillation.
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
    """Return the mean of 1 − cosine over rows; both (n, dim) unit vectors."""
    return 1 - (vectors * targets).sum(-1).mean()


class LearnedScale(nn.Module):
    """A learned positive factor of cosines: one over the temperature."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, cosines: Tensor) -> Tensor:
        return self.logarithm.exp().clamp(max=MAX_SCALE) * cosines


class InfoNCE(nn.Module):
    """Contrastive loss: each picture picks its texts in the batch, each text its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = LearnedScale(CONTRAST_TEMPERATURE)

    def forward(self, vectors: BatchVectors) -> Tensor:
        return multi_positive_info_nce(self.scale(vectors.cosines), vectors.positive)


class Sigmoid(nn.Module):
    """Classifies each pair on its own, with a learned bias; stable in small batches."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = LearnedScale(SIGMOID_TEMPERATURE)
        self.bias = nn.Parameter(torch.tensor(SIGMOID_BIAS))

    def forward(self, vectors: BatchVectors) -> Tensor:
        return pairwise_sigmoid(self.scale(vectors.cosines) + self.bias, vectors.positive)


class RelationalDistillation(nn.Module):
    """Relates pictures and texts as the teacher does, whatever the width of its space.

    The student's temperature is learned and the teacher's is fixed: if both were learned, both
    would rise until every difference is gone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = LearnedScale(TEACHER_TEMPERATURE)

    def forward(self, vectors: BatchVectors) -> Tensor:
        pictures, texts = vectors.require_teacher()
        return relational_distillation(
            self.scale(vectors.cosines), pictures @ texts.T / TEACHER_TEMPERATURE
        )


class CosineDistillation(nn.Module):
    """Points vectors in the teacher's direction; both spaces have the same width."""

    def forward(self, vectors: BatchVectors) -> Tensor:
        pictures, texts = vectors.require_teacher()
        if pictures.shape != vectors.pictures.shape:
            raise ConfigError(
                f"the teacher's vectors should be {vectors.pictures.shape[1]} wide",
                value=pictures.shape[1],
                fix="Use the objective relational_distillation, which takes any width.",
            )
        return (
            cosine_distance(vectors.pictures, pictures) + cosine_distance(vectors.texts, texts)
        ) / 2


OBJECTIVES: Mapping[str, Callable[[], nn.Module]] = {
    "info_nce": InfoNCE,
    "sigmoid": Sigmoid,
    "relational_distillation": RelationalDistillation,
    "cosine_distillation": CosineDistillation,
}


class WeightedObjectives(nn.Module):
    """The weighted sum of a recipe's objectives."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(sorted(weights.items()))
        self.parts = nn.ModuleDict({name: OBJECTIVES[name]() for name in self.weights})

    def forward(self, vectors: BatchVectors) -> Tensor:
        losses = [weight * self.parts[name](vectors) for name, weight in self.weights.items()]
        return torch.stack(losses).sum()
