from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from search.training.fit import Fitted, Recipe, fit, precision_at_one
from search.training.loss import multi_positive_info_nce
from search.training.pairs import Pairs

RECIPE = Recipe(epochs=20, batch=64, picture_hidden=16, text_hidden=16, validation_share=0.2, average=0.9)


def clustered_pairs(seed: int = 0) -> Pairs:
    """Twelve kinds of things: pictures scatter around their kind, and two texts name each kind."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(12, 24, generator=generator)
    kinds = torch.arange(400) % 12
    pictures = centres[kinds] + 0.3 * torch.randn(400, 24, generator=generator)
    texts = torch.nn.functional.normalize(torch.randn(24, 384, generator=generator), dim=-1)
    truth = np.zeros((400, 24), np.float32)
    truth[np.arange(400), 2 * kinds.numpy()] = truth[np.arange(400), 2 * kinds.numpy() + 1] = 1
    return Pairs(torch.stack([pictures, pictures.flip(1)]).half(), texts.half(), csr_matrix(truth))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(clustered_pairs(), RECIPE)


def test_loss_falls_far(fitted: Fitted) -> None:
    assert fitted.losses[-1] < 0.75 * fitted.losses[0]
    assert max(fitted.precisions) > fitted.precisions[0]


def test_trained_pictures_find_their_kind(fitted: Fitted) -> None:
    pairs = clustered_pairs()
    batch = next(pairs.batches(400, np.random.default_rng(1)))
    with torch.inference_mode():
        best = (fitted.picture(batch.pictures) @ fitted.text(batch.texts).T).argmax(dim=1)
    assert batch.positive[torch.arange(400), best].mean() > 0.95


def test_same_seed_same_weights_other_seed_others(fitted: Fitted) -> None:
    again, other = fit(clustered_pairs(), RECIPE), fit(clustered_pairs(), Recipe(**(_fields(RECIPE) | {"seed": 1})))
    assert all(torch.equal(a, b) for a, b in zip(fitted.picture.parameters(), again.picture.parameters(), strict=True))
    assert not torch.equal(fitted.picture.linear.weight, other.picture.linear.weight)


def _fields(recipe: Recipe) -> dict[str, float]:
    return {name: getattr(recipe, name) for name in Recipe.__dataclass_fields__}


def test_training_stops_when_the_precision_no_longer_rises() -> None:
    pairs = clustered_pairs()
    shuffled = Pairs(pairs.pictures[:, torch.randperm(400)], pairs._texts, pairs._truth)
    recipe = Recipe(**(_fields(RECIPE) | {"epochs": 60, "patience": 2}))
    assert len(fit(shuffled, recipe).losses) < 60


def test_loss_of_one_positive_each_is_cross_entropy() -> None:
    similarity = torch.randn(5, 5, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(5)
    expected = torch.nn.functional.cross_entropy(similarity, labels) + torch.nn.functional.cross_entropy(
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


def test_batches_cover_every_picture_once_with_true_texts() -> None:
    pairs = clustered_pairs()
    batches = list(pairs.batches(128, np.random.default_rng(0)))
    assert [len(batch.pictures) for batch in batches] == [128, 128, 128, 16]
    assert all(bool((batch.positive.diagonal() == 1).all()) for batch in batches)
    seen = torch.cat([batch.pictures for batch in batches])
    for view in pairs.pictures:
        assert torch.allclose(seen.sum(dim=1).sort().values, view.float().sum(dim=1).sort().values, atol=1e-4)


def test_precision_at_one_by_hand() -> None:
    similarity = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    assert precision_at_one(similarity, torch.eye(2)) == (0.5 + 1.0) / 2
