"""Makes a sound network thinner: takes channels out between two blocks, and fits the next block
to those that stay.

Source: He et al., Channel Pruning for Accelerating Very Deep Neural Networks (2017), section 3:
choose channels, then reconstruct what follows by least squares. Channels are chosen by how much
each moves what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from search.encoders.compact.sound_network import Block, SoundNetwork, flattened, network_of

AT_ONCE = 64
RIDGE = 1e-3
"""Of the mean variance: keeps channels that say the same from cancelling out with huge weights."""

_FLAT = 1e-4


def thinned(network: SoundNetwork, channels: Mapping[int, int], patches: Tensor) -> SoundNetwork:
    """`network` with so many channels after each named block, the first block being 0, ready to
    hear.

    `patches` (n, frames, BANDS) are what it hears meanwhile. Every number is at most what the
    block has, and the last block keeps its own.
    """
    for block, wanted in sorted(channels.items()):
        network = network_of(_without(network, block, wanted, patches))
    return network


@dataclass(frozen=True, slots=True)
class _Joint:
    """What the block after a joint takes, at some of its cells (cells, channels), and what it
    makes of that (cells, outputs), both before its last rectifier.
    """

    taken: Tensor
    made: Tensor


def _without(network: SoundNetwork, block: int, wanted: int, patches: Tensor) -> dict[str, Tensor]:
    """The weights of the network with `wanted` channels after a block, kernels as matrices."""
    joint = _heard(network, block, patches)
    weights = flattened(network)
    before, after = f"blocks.{block}.point", f"blocks.{block + 1}"
    moved = weights[f"{after}.point.weight"] / joint.made.std(0).clamp(min=_FLAT)[:, None]
    kept = (joint.taken.std(0) * moved.norm(dim=0)).topk(wanted).indices.sort().values
    for name in (
        f"{before}.weight",
        f"{before}.bias",
        f"{after}.depth.weight",
        f"{after}.depth.bias",
    ):
        weights[name] = weights[name][kept]
    weights[f"{after}.point.weight"], weights[f"{after}.point.bias"] = _fitted(
        joint.taken[:, kept], joint.made
    )
    return weights


@torch.no_grad()
def _heard(network: SoundNetwork, block: int, patches: Tensor) -> _Joint:
    following = cast(Block, network.blocks[block + 1])
    taken, made = [], []
    for part in torch.split(patches, AT_ONCE):
        maps = following.depth(network.blocks[: block + 1](network.stem(part.unsqueeze(1))))
        taken.append(_cells(maps))
        made.append(_cells(following.point(maps)))
    return _Joint(torch.cat(taken), torch.cat(made))


def _cells(maps: Tensor) -> Tensor:
    """(n, channels, height, width) → (n × height × width, channels)."""
    return maps.movedim(1, 3).flatten(0, 2)


def _fitted(taken: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (outputs, channels) and bias (outputs,) of the line from one to the other, by ridge
    regression.
    """
    means = taken.mean(0), made.mean(0)
    left, right = (taken - means[0]).double(), (made - means[1]).double()
    products = left.T @ left
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products), dtype=torch.float64)
    weight = torch.linalg.solve(products, left.T @ right).T.float()
    return weight, means[1] - weight @ means[0]
