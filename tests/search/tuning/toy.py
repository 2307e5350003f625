"""A small world to train on: kinds of things, each with two texts, and features scattered around
their kind."""

from __future__ import annotations

import torch
from scipy.sparse import csr_matrix

from search.tuning.fit import Recipe
from search.tuning.pairs import Floats, Pairs

KINDS = 12
COUNT = 400
RECIPE = Recipe(
    epochs=20, batch=64, picture_hidden=16, text_hidden=16, validation_share=0.2, average=0.9
)


def arrays(
    seed: int = 0, width: int = 24, text_width: int = 384
) -> tuple[Floats, Floats, csr_matrix]:
    """Pictures (2, 400, width), texts (24, text width) and the truth table: texts 2k and 2k + 1
    name kind k."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.arange(COUNT) % KINDS
    centres = torch.randn(KINDS, width, generator=generator)
    pictures = centres[kinds] + 0.3 * torch.randn(COUNT, width, generator=generator)
    texts = torch.nn.functional.normalize(
        torch.randn(2 * KINDS, text_width, generator=generator), dim=-1
    )
    truth = torch.eye(KINDS)[kinds].repeat_interleave(2, dim=1)
    return (
        torch.stack([pictures, pictures.flip(1)]).numpy(),
        texts.numpy(),
        csr_matrix(truth.numpy()),
    )


def toy_pairs(seed: int = 0) -> Pairs:
    return Pairs.from_arrays(*arrays(seed))


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    """Bit by bit."""
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name], theirs[name]) for name in ours
    )
