"""The last blocks of a picture tower, trained with the head behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Tail(nn.Module):
    """What enters the first of `blocks` (n, ...) → features (n, width): the blocks, then `finish`.

    While it trains, what the blocks compute inside is computed again in the backward pass
    instead of being kept (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016).
    Statistics of batch normalisation stay as they are: they came from far more pictures than are
    trained on here.
    """

    def __init__(self, blocks: Sequence[nn.Module], finish: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.finish = finish

    def train(self, mode: bool = True) -> Tail:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        saving = self.training and torch.is_grad_enabled()
        for block in self.blocks:
            inputs = checkpoint(block, inputs, use_reentrant=False) if saving else block(inputs)
        return self.finish(inputs)


@torch.inference_mode()
def inputs_of(block: nn.Module, tower: nn.Module, pixels: Tensor) -> Tensor:
    """What enters `block` when `tower` sees prepared pictures (n, 3, h, w): computed once, then
    kept as features.
    """
    seen: list[Tensor] = []
    hook = block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        tower(pixels)
    finally:
        hook.remove()
    return seen[0]
