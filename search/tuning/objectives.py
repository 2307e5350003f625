"""What the heads are trained towards, chosen by name. Each objective learns its own temperature."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search.errors import ConfigError
from search.tuning.loss import (
    cosine_distance,
    multi_positive_info_nce,
    pairwise_sigmoid,
    relational_distillation,
)

LARGEST_SCALE = 100.0
CONTRAST_TEMPERATURE = 0.07
SIGMOID_TEMPERATURE = 0.1
SIGMOID_BIAS = -10.0
TEACHER_TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors of one batch: the i-th picture, the j-th text, and whether j is true of i (b,
    b).

    The teacher's vectors of the same pictures and texts, (b, teacher's width) each, where there
    is a teacher.
    """

    pictures: Tensor
    texts: Tensor
    positive: Tensor
    teacher_pictures: Tensor | None = None
    teacher_texts: Tensor | None = None

    @property
    def cosines(self) -> Tensor:
        """(pictures, texts)."""
        return self.pictures @ self.texts.T

    def teacher(self) -> tuple[Tensor, Tensor]:
        """The teacher's vectors of pictures and texts. Raises ConfigError without a teacher."""
        if self.teacher_pictures is None or self.teacher_texts is None:
            raise ConfigError(
                "distillation needs a teacher's vectors", fix="Give the pairs a teacher."
            )
        return self.teacher_pictures, self.teacher_texts


class Scale(nn.Module):
    """A learned positive factor of cosines: one over the temperature."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self, cosines: Tensor) -> Tensor:
        return self.logarithm.exp().clamp(max=LARGEST_SCALE) * cosines


class InfoNCE(nn.Module):
    """Each picture must pick its texts among the batch's, and each text its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = Scale(CONTRAST_TEMPERATURE)

    def forward(self, vectors: Vectors) -> Tensor:
        return multi_positive_info_nce(self.scale(vectors.cosines), vectors.positive)


class Sigmoid(nn.Module):
    """Each pair is judged by itself, with a learned bias as well: steady in small batches."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = Scale(SIGMOID_TEMPERATURE)
        self.bias = nn.Parameter(torch.tensor(SIGMOID_BIAS))

    def forward(self, vectors: Vectors) -> Tensor:
        return pairwise_sigmoid(self.scale(vectors.cosines) + self.bias, vectors.positive)


class RelationalDistillation(nn.Module):
    """Pictures and texts must relate as they do in the teacher's space, whatever its width.

    The student's temperature is learned; the teacher's is fixed, or both would rise until
    nothing is left to learn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = Scale(TEACHER_TEMPERATURE)

    def forward(self, vectors: Vectors) -> Tensor:
        pictures, texts = vectors.teacher()
        return relational_distillation(
            self.scale(vectors.cosines), pictures @ texts.T / TEACHER_TEMPERATURE
        )


class CosineDistillation(nn.Module):
    """Vectors must point where the teacher's do. Both spaces are of one width; there is no
    temperature in it.
    """

    def forward(self, vectors: Vectors) -> Tensor:
        pictures, texts = vectors.teacher()
        if pictures.shape != vectors.pictures.shape:
            raise ConfigError(
                f"the teacher's vectors should be {vectors.pictures.shape[1]} wide", value=pictures.shape[1],
                fix="Use the objective relational_distillation, which takes any width.",
            )  # fmt: skip
        return (
            cosine_distance(vectors.pictures, pictures) + cosine_distance(vectors.texts, texts)
        ) / 2


OBJECTIVES: Mapping[str, Callable[[], nn.Module]] = {
    "info_nce": InfoNCE,
    "sigmoid": Sigmoid,
    "relational_distillation": RelationalDistillation,
    "cosine_distillation": CosineDistillation,
}


class WeightedSum(nn.Module):
    """The objectives of a recipe, each times its weight."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(sorted(weights.items()))
        self.parts = nn.ModuleDict({name: OBJECTIVES[name]() for name in self.weights})

    def forward(self, vectors: Vectors) -> Tensor:
        losses = [weight * self.parts[name](vectors) for name, weight in self.weights.items()]
        return torch.stack(losses).sum()
