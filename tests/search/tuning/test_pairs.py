from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from search.errors import InputError
from search.tuning.pairs import Pairs
from search.tuning.sampling import link_groups, split_groups
from tests.search.tuning.toy import arrays, toy_pairs


def test_batches_cover_every_picture_once_with_true_texts() -> None:
    pairs = toy_pairs()
    batches = list(pairs.batches(128, np.random.default_rng(0)))
    assert [len(batch.pictures) for batch in batches] == [128, 128, 128, 16]
    assert all(bool((batch.positive.diagonal() == 1).all()) for batch in batches)
    seen = torch.cat([batch.pictures for batch in batches])
    for view in pairs.pictures:
        assert torch.allclose(
            seen.sum(dim=1).sort().values, view.float().sum(dim=1).sort().values, atol=1e-4
        )


def test_batches_use_every_true_text_and_every_view() -> None:
    pairs = toy_pairs()
    drawn = [
        batch for epoch in range(20) for batch in pairs.batches(400, np.random.default_rng(epoch))
    ]
    assert len(torch.unique(torch.cat([batch.texts for batch in drawn]), dim=0)) == 24
    assert len(torch.unique(torch.cat([batch.pictures for batch in drawn]), dim=0)) == 800
    first = next(pairs.first_view().batches(400, np.random.default_rng(0)))
    assert len(torch.unique(torch.cat([first.pictures, pairs.pictures[0].float()]), dim=0)) == 400


def test_pictures_of_a_group_stay_together_and_the_share_is_kept() -> None:
    groups = np.random.default_rng(0).integers(0, 60, 400)
    train, held = split_groups(groups, 0.2, np.random.default_rng(1))
    assert sorted([*train, *held]) == list(range(400))
    assert not set(groups[train]) & set(groups[held])
    assert 70 <= len(held) <= 80


def test_without_groups_every_picture_is_a_group() -> None:
    train, held = toy_pairs().split(0.25, np.random.default_rng(0))
    assert (len(train), len(held)) == (300, 100)


def test_a_single_group_cannot_be_split_and_a_large_one_is_not_held_out() -> None:
    with pytest.raises(InputError, match="one group"):
        split_groups(np.zeros(10, np.int64), 0.5, np.random.default_rng(0))
    train, held = split_groups(np.array([7] * 9 + [3]), 0.01, np.random.default_rng(0))
    assert held.tolist() == [9] and len(train) == 9


def test_groups_are_linked_over_any_label() -> None:
    products = ["a", "a", "b", "c", "d"]
    titles = ["mug", "cup", "cup", "hat", "b"]
    found = link_groups(products, titles)
    assert found[0] == found[1] == found[2] and len(set(found)) == 3


def test_equal_texts_become_one() -> None:
    pictures = np.eye(3, 4, dtype=np.float32)
    texts = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    pairs = Pairs.from_arrays(
        pictures, texts, csr_matrix(np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1]]))
    )
    assert pairs.texts.tolist() == [[1, 0], [0, 1]]
    assert pairs.truth.toarray().tolist() == [[1, 0], [0, 1], [1, 1]]


@pytest.mark.parametrize("change", ["pictures", "texts", "truth", "groups", "teacher"])
def test_the_digest_covers_all_arrays(change: str) -> None:
    pictures, texts, truth = arrays()
    given: dict[str, Any] = {
        "pictures": pictures,
        "texts": texts,
        "truth": truth,
        "groups": np.arange(400),
        "teacher": (pictures[0], texts),
    }
    same = Pairs.from_arrays(**given).digest()
    assert same == Pairs.from_arrays(**given).digest()
    altered = truth[::-1]
    others: dict[str, Any] = {
        "pictures": pictures + 1,
        "texts": texts + 1,
        "truth": altered,
        "groups": np.arange(400) // 2,
        "teacher": None,
    }
    assert Pairs.from_arrays(**(given | {change: others[change]})).digest() != same


def test_arrays_that_disagree_are_refused() -> None:
    pictures, texts, truth = arrays()
    with pytest.raises(InputError, match="truth table"):
        Pairs.from_arrays(pictures, texts[:-1], truth)
    with pytest.raises(InputError, match="groups"):
        Pairs.from_arrays(pictures, texts, truth, groups=np.arange(3))
    with pytest.raises(InputError, match="teacher"):
        Pairs.from_arrays(pictures, texts, truth, teacher=(pictures[0, 1:], texts))
    with pytest.raises(InputError, match="not finite"):
        Pairs.from_arrays(np.where(pictures > 2, np.nan, pictures), texts, truth)
    with pytest.raises(InputError, match="without a true text"):
        Pairs.from_arrays(pictures, texts, csr_matrix(np.zeros(truth.shape, np.float32)))
