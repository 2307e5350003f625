"""Prune channels between the blocks of a sound network, and refit the next block to the rest.

Source: He et al., Channel Pruning for Accelerating Very Deep Neural Networks (2017), section 3:
choose channels, then reconstruct the output by least squares. Here a channel is chosen by how
much it changes the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from search.encoders.compact.audio_tower import (
    AudioNetwork,
    SeparableConv,
    build_network,
    flatten_weights,
)

BATCH_SIZE = 64
RIDGE = 1e-3
"""Share of the mean variance: keeps similar channels from cancelling out with huge weights."""

_MIN_STD = 1e-4


def prune_channels(
    network: AudioNetwork, channels: Mapping[int, int], patches: Tensor
) -> AudioNetwork:
    """Return a copy of the network with fewer channels after some blocks, in evaluation mode.

    `channels` gives the number to keep by block, from 0; the last block keeps all. `patches`,
    (n, frames, BANDS), are the input on which the following block is refitted.
    """
    for block, wanted in sorted(channels.items()):
        network = build_network(_prune_after_block(network, block, wanted, patches))
    return network


@dataclass(frozen=True, slots=True)
class _Activations:
    """Input (cells, channels) and output (cells, outputs) of a pointwise convolution."""

    inputs: Tensor
    outputs: Tensor


def _prune_after_block(
    network: AudioNetwork, block: int, wanted: int, patches: Tensor
) -> dict[str, Tensor]:
    """Return the weights with `wanted` channels after a block, kernels as matrices."""
    activations = _record_activations(network, block, patches)
    weights = flatten_weights(network)
    before, after = f"blocks.{block}.point", f"blocks.{block + 1}"
    spread = activations.outputs.std(0).clamp(min=_MIN_STD)
    scaled = weights[f"{after}.point.weight"] / spread[:, None]
    importance = activations.inputs.std(0) * scaled.norm(dim=0)
    kept = importance.topk(wanted).indices.sort().values
    for name in (
        f"{before}.weight",
        f"{before}.bias",
        f"{after}.depth.weight",
        f"{after}.depth.bias",
    ):
        weights[name] = weights[name][kept]
    weights[f"{after}.point.weight"], weights[f"{after}.point.bias"] = _fit_ridge(
        activations.inputs[:, kept], activations.outputs
    )
    return weights


@torch.no_grad()
def _record_activations(network: AudioNetwork, block: int, patches: Tensor) -> _Activations:
    following = cast(SeparableConv, network.blocks[block + 1])
    inputs, outputs = [], []
    for batch in torch.split(patches, BATCH_SIZE):
        maps = following.depth(network.blocks[: block + 1](network.stem(batch.unsqueeze(1))))
        inputs.append(_flatten_cells(maps))
        outputs.append(_flatten_cells(following.point(maps)))
    return _Activations(torch.cat(inputs), torch.cat(outputs))


def _flatten_cells(maps: Tensor) -> Tensor:
    """Reshape (n, channels, height, width) to (n × height × width, channels)."""
    return maps.movedim(1, 3).flatten(0, 2)


def _fit_ridge(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight (outputs, channels) and bias (outputs,) by ridge regression."""
    means = inputs.mean(0), outputs.mean(0)
    left, right = (inputs - means[0]).double(), (outputs - means[1]).double()
    products = left.T @ left
    products += RIDGE * products.diagonal().mean() * torch.eye(len(products), dtype=torch.float64)
    weight = torch.linalg.solve(products, left.T @ right).T.float()
    return weight, means[1] - weight @ means[0]
