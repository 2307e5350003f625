from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix
from torch import nn

from search.tuning.fit import fit
from search.tuning.heads import HeadPair
from search.tuning.mining import mine_hard_negatives
from search.tuning.pairs import Pairs
from search.tuning.sampling import HardNegatives
from tests.search.tuning.toy import RECIPE, toy_pairs


def on_a_circle() -> Pairs:
    """Eight kinds on a circle, two pictures of a product each; a text is most like those of the
    kinds beside it.

    The second product's second picture lacks its text in the table, as happens in real catalogues.
    """
    angles = np.arange(8) * np.pi / 4
    texts = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    truth = np.repeat(np.eye(8), 2, axis=0)
    truth[3] = np.eye(8)[5]
    return Pairs.from_arrays(
        np.repeat(texts, 2, axis=0), texts, csr_matrix(truth), groups=np.arange(16) // 2
    )


SAME = HeadPair(nn.Identity(), nn.Identity())


def test_the_nearest_false_texts_are_mined_with_a_picture_they_describe() -> None:
    pairs = on_a_circle()
    hard = mine_hard_negatives(SAME, pairs, 2, np.random.default_rng(0))
    assert hard.texts.shape == (16, 2)
    assert set(hard.texts[8]) == {3, 5}
    assert (pairs.truth.toarray()[hard.pictures, hard.texts] == 1).all()


def test_texts_true_of_the_picture_or_its_product_are_not_negatives() -> None:
    pairs = on_a_circle()
    hard = mine_hard_negatives(SAME, pairs, 8, np.random.default_rng(0))
    assert 1 not in hard.texts[3], "the product's own text, missing at this picture"
    assert 5 not in hard.texts[2], "true of the product's other picture"
    known = hard.texts >= 0
    assert not any(
        pairs.truth[row, text]
        for row, text in zip(*(np.nonzero(known)[0], hard.texts[known]), strict=True)
    )
    assert (hard.pictures[~known] == -1).all() and not known.all()


def test_hard_negatives_follow_their_picture_and_every_picture_is_used() -> None:
    pairs = on_a_circle()
    hard = mine_hard_negatives(SAME, pairs, 3, np.random.default_rng(0))
    order = hard.shuffle(np.random.default_rng(1))
    assert sorted(order.rows) == list(range(16))
    first, follower = order.rows[0], order.rows[1]
    assert (
        follower == hard.pictures[first][hard.pictures[first] >= 0][0]
        or follower in hard.pictures[first]
    )
    assert order.texts[0] == -1 and order.texts[1] in hard.texts[first]


def closeness(pairs: Pairs, hard: HardNegatives | None) -> float:
    """Mean cosine of a batch's pictures with the texts that are false of them."""
    rng = np.random.default_rng(0)
    seen = [batch for _ in range(20) for batch in pairs.batches(4, rng, hard)]
    return float(
        np.mean(
            [
                (b.pictures @ b.texts.T)[b.positive == 0].mean()
                for b in seen
                if (b.positive == 0).any()
            ]
        )
    )


def test_batches_become_harder() -> None:
    pairs = on_a_circle()
    assert (
        closeness(pairs, mine_hard_negatives(SAME, pairs, 2, np.random.default_rng(0)))
        > closeness(pairs, None) + 0.1
    )


def test_training_with_hard_negatives_is_repeatable_and_learns() -> None:
    recipe = replace(RECIPE, hard_negatives=3, hard_every=2, epochs=10)
    first, second = fit(toy_pairs(), recipe), fit(toy_pairs(), recipe)
    assert first.losses == second.losses
    assert max(first.precisions) > 0.7
    assert first.losses[0] != fit(toy_pairs(), replace(recipe, hard_negatives=0)).losses[0]
