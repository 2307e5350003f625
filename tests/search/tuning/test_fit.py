from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from search.config import EngineSettings
from search.encoders.device import pick_runtime
from search.errors import ConfigError
from search.tuning.fit import FitResult, fit
from search.tuning.heads import HeadPair, create_heads
from search.tuning.pairs import Pairs
from search.tuning.trainer import precision_at_one
from tests.search.tuning.toy import RECIPE, arrays, same_weights, toy_pairs


@pytest.fixture(scope="module")
def fitted() -> FitResult:
    return fit(toy_pairs(), RECIPE)


def found_share(heads: tuple[torch.nn.Module, torch.nn.Module], pairs: Pairs) -> float:
    batch = next(pairs.first_view().batches(len(pairs), np.random.default_rng(1)))
    with torch.inference_mode():
        best = HeadPair(*heads)(batch).cosines.argmax(dim=1)
    return float(batch.positive[torch.arange(len(pairs)), best].mean())


def test_the_loss_falls(fitted: FitResult) -> None:
    assert fitted.losses[-1] < 0.75 * fitted.losses[0]
    assert max(fitted.precisions) > fitted.precisions[0]


def test_trained_pictures_find_their_kind(fitted: FitResult) -> None:
    assert found_share(fitted.heads, toy_pairs()) > 0.95


def test_the_seed_determines_the_weights(fitted: FitResult) -> None:
    again, other = fit(toy_pairs(), RECIPE), fit(toy_pairs(), replace(RECIPE, seed=1, epochs=1))
    assert same_weights(fitted.picture, again.picture) and same_weights(fitted.text, again.text)
    assert fitted.record == again.record
    assert not same_weights(fitted.picture, other.picture)


def test_training_stops_when_the_precision_no_longer_rises() -> None:
    pictures, texts, truth = arrays()
    shuffled = Pairs.from_arrays(
        pictures[:, np.random.default_rng(0).permutation(400)], texts, truth
    )
    assert len(fit(shuffled, replace(RECIPE, epochs=60, patience=2)).losses) < 60


@pytest.mark.parametrize("objective", ["sigmoid", "info_nce"])
def test_each_contrastive_objective_alone_learns_the_kinds(objective: str) -> None:
    recipe = replace(RECIPE, objectives={objective: 1.0}, epochs=12, rate=3e-3)
    assert found_share(fit(toy_pairs(), recipe).heads, toy_pairs()) > 0.9


def test_training_continues_from_heads_without_changing_them(fitted: FitResult) -> None:
    before = fitted.picture.state_dict()["linear.weight"].clone()
    tuned = fit(toy_pairs(), replace(RECIPE, epochs=1), start=fitted.heads)
    assert tuned.precisions[0] > fitted.precisions[0] + 0.2
    assert torch.equal(before, fitted.picture.state_dict()["linear.weight"])
    assert not same_weights(tuned.picture, fitted.picture)
    assert tuned.record["start"] and not fitted.record["start"]


def test_residual_heads_start_at_the_identity_and_learn_on_both_sides() -> None:
    """A space that is wrong to begin with: texts point away from the pictures that they are true
    of."""
    generator = np.random.default_rng(0)
    kinds = np.arange(400) % 12
    _, _, truth = arrays()
    centres = generator.normal(size=(12, 40))
    pictures, texts = (
        centres[kinds] + 0.5 * generator.normal(size=(400, 40)),
        np.repeat(-centres, 2, axis=0),
    )
    unit = [
        (part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float32)
        for part in (pictures, texts)
    ]
    pairs = Pairs.from_arrays(unit[0], unit[1], truth)
    recipe = replace(
        RECIPE, heads="residual", text_anchor=0.0, rate=1e-2, text_rate=1e-2, picture_hidden=128
    )
    heads = create_heads(40, 40, recipe)
    assert torch.allclose(
        heads.picture(pairs.pictures[0].float()), pairs.pictures[0].float(), atol=1e-3
    )
    assert found_share((heads.picture, heads.text), pairs) < 0.1
    fitted = fit(pairs, recipe)
    assert found_share(fitted.heads, pairs) > 0.8


def test_vectors_are_float32_when_heads_compute_in_bfloat16() -> None:
    heads, batch = (
        create_heads(24, 384, RECIPE),
        next(toy_pairs().batches(64, np.random.default_rng(0))),
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert heads.text(batch.texts).dtype == torch.float32
        linear = heads.picture.get_submodule("linear")
        assert linear(batch.pictures).dtype == torch.bfloat16
        vectors = heads(batch)
    assert vectors.pictures.dtype == vectors.texts.dtype == vectors.cosines.dtype == torch.float32


def test_the_record_describes_the_training(fitted: FitResult) -> None:
    record = fitted.record
    assert record["recipe"]["objectives"] == {"info_nce": 1.0} and record["recipe"]["batch"] == 64
    counts = {"pictures": 400, "views": 2, "texts": 24, "groups": 400}
    assert record["pairs"] == counts | {"digest": toy_pairs().digest()}
    assert record["device"] == pick_runtime(EngineSettings()).device.type
    assert record["libraries"]["numpy"] == np.__version__
    assert record["epochs"] == len(fitted.losses)


@pytest.mark.parametrize(
    "wrong",
    [
        {"objectives": {"triplet": 1.0}},
        {"objectives": {}},
        {"objectives": {"info_nce": 0.0}},
        {"heads": "linear"},
        {"batch": 1},
        {"validation_share": 0.0},
        {"average": 1.0},
        {"rate": -1.0},
        {"rate": float("nan")},
    ],
)
def test_invalid_recipes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"recipe's {next(iter(wrong))}"):
        replace(RECIPE, **wrong)


def test_the_recipe_digest_covers_every_field() -> None:
    assert RECIPE.digest == replace(RECIPE).digest
    assert RECIPE.digest != replace(RECIPE, tower_rate=2e-5).digest
    mixed = {"info_nce": 1.0, "sigmoid": 0.5}
    swapped = dict(reversed(mixed.items()))
    assert replace(RECIPE, objectives=mixed).digest == replace(RECIPE, objectives=swapped).digest


def test_precision_at_one_by_hand() -> None:
    similarity = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    assert precision_at_one(similarity, torch.eye(2)) == (0.5 + 1.0) / 2
