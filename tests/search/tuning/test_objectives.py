from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from search.errors import ConfigError
from search.tuning.fit import fit
from search.tuning.objectives import (
    OBJECTIVES,
    BatchVectors,
    WeightedObjectives,
    multi_positive_info_nce,
    pairwise_sigmoid,
    relational_distillation,
)
from search.tuning.pairs import Pairs
from tests.search.tuning.toy import RECIPE, arrays, toy_pairs


def unit(rows: int, width: int, seed: int) -> Tensor:
    return functional.normalize(
        torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


def vectors(width: int = 6, teacher_width: int = 6) -> BatchVectors:
    return BatchVectors(
        unit(5, width, 0),
        unit(5, width, 1),
        torch.eye(5),
        unit(5, teacher_width, 2),
        unit(5, teacher_width, 3),
    )


def test_loss_of_one_positive_each_is_cross_entropy() -> None:
    similarity = torch.randn(5, 5, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(5)
    expected = functional.cross_entropy(similarity, labels) + functional.cross_entropy(
        similarity.T, labels
    )
    assert torch.isclose(multi_positive_info_nce(similarity, torch.eye(5)), expected / 2)


def test_loss_by_hand_with_two_positives() -> None:
    similarity = torch.log(torch.tensor([[1.0, 3.0], [2.0, 2.0]]))
    positive = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    rows = [-(np.log(1 / 4) + np.log(3 / 4)) / 2, -np.log(2 / 4)]
    columns = [-np.log(1 / 3), -(np.log(3 / 5) + np.log(2 / 5)) / 2]
    found = multi_positive_info_nce(similarity, positive)
    assert np.isclose(found.item(), (np.mean(rows) + np.mean(columns)) / 2, atol=1e-6)


def test_sigmoid_by_hand_with_two_positives() -> None:
    logits, positive = (
        torch.tensor([[2.0, -1.0], [0.5, 3.0]]),
        torch.tensor([[1.0, 1.0], [0.0, 1.0]]),
    )
    signed = np.array([2.0, -1.0, -0.5, 3.0])
    expected = np.log1p(np.exp(-signed)).sum() / 2
    assert np.isclose(pairwise_sigmoid(logits, positive).item(), expected, atol=1e-6)


def test_relational_distillation_by_hand() -> None:
    similarity = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    assert relational_distillation(similarity, similarity).abs() < 1e-6
    teacher, student = (
        torch.log(torch.tensor([[0.5, 0.5]])),
        torch.log(torch.tensor([[0.25, 0.75]])),
    )
    by_hand = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert np.isclose(relational_distillation(student, teacher).item(), by_hand / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["info_nce", "sigmoid", "relational_distillation"])
def test_temperature_is_learned(name: str) -> None:
    objective = OBJECTIVES[name]()
    objective(vectors()).backward()
    gradients = {name: weight.grad for name, weight in objective.named_parameters()}
    scale = gradients["scale.logarithm"]
    assert scale is not None and scale.abs() > 1e-4
    assert ("bias" in gradients) == (name == "sigmoid")


def test_objectives_are_weighted() -> None:
    found = WeightedObjectives({"sigmoid": 0.5, "info_nce": 2.0})(vectors())
    expected = 2 * OBJECTIVES["info_nce"]()(vectors()) + 0.5 * OBJECTIVES["sigmoid"]()(vectors())
    assert torch.isclose(found, expected)


def test_only_relational_distillation_takes_a_wider_teacher() -> None:
    assert OBJECTIVES["relational_distillation"]()(vectors(teacher_width=9)) > 0
    with pytest.raises(ConfigError, match="6 wide"):
        OBJECTIVES["cosine_distillation"]()(vectors(teacher_width=9))


def test_distillation_without_a_teacher_is_refused() -> None:
    with pytest.raises(ConfigError, match="teacher"):
        fit(toy_pairs(), replace(RECIPE, objectives={"relational_distillation": 1.0}, epochs=1))


def taught_pairs(width: int) -> Pairs:
    """A teacher that knows the kinds: its pictures and texts lie at their kind's axis, with a
    little noise."""
    pictures, texts, truth = arrays()
    kinds = np.arange(400) % 12
    centres = unit(12, width, 5).numpy()
    noise = np.random.default_rng(0).normal(size=(400, width)).astype(np.float32) * 0.05
    taught = centres[kinds] + noise
    taught /= np.linalg.norm(taught, axis=1, keepdims=True)
    return Pairs.from_arrays(
        pictures, texts, truth, teacher=(taught, np.repeat(centres, 2, axis=0))
    )


@pytest.mark.parametrize(
    ("objective", "width"), [("relational_distillation", 32), ("cosine_distillation", 384)]
)
def test_heads_learn_from_a_teacher_alone(objective: str, width: int) -> None:
    recipe = replace(
        RECIPE, objectives={objective: 4.0}, text_anchor=0.0, epochs=12, rate=3e-3, text_rate=1e-2
    )
    fitted = fit(taught_pairs(width), recipe)
    assert max(fitted.precisions) > 0.9 > fitted.precisions[0]
