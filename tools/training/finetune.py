"""Fine-tuning with the last blocks of a picture tower unfrozen. The blocks before them see every
picture once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from timm.layers.pool1d import global_pool_nlc
from torch import Tensor, nn
from torch.nn import functional

from search.errors import ConfigError
from search.tuning.checkpoints import CheckpointSettings
from search.tuning.fit import FitResult, fit
from search.tuning.heads import UnfrozenLayers
from search.tuning.pairs import Pairs
from search.tuning.recipe import Recipe


def fit_unfrozen(
    tail: UnfrozenLayers,
    heads: tuple[nn.Module, nn.Module],
    pairs: Pairs,
    recipe: Recipe,
    *,
    checkpoint: Path | CheckpointSettings | None = None,
) -> FitResult:
    """Train `tail` at the recipe's `tower_rate` together with trained `heads`; neither argument
    is changed.

    `pairs` hold as pictures (views, n, ...) what enters the tail, see `capture_inputs`. The
    picture head of the result is an nn.Sequential of the new tail and the new head. Everything
    else is as `fit` does it. Start from trained heads: untrained ones would shake the blocks
    with the large gradients of their first steps.
    """
    picture, text = heads
    return fit(pairs, recipe, start=(nn.Sequential(tail, picture), text), checkpoint=checkpoint)


def efficientnet_tail(
    layers: Any, stages: int, finish: Callable[[Tensor], Tensor]
) -> UnfrozenLayers:
    """The last `stages` stages and the last convolution of a timm EfficientNet.

    `finish` pools its maps, (n, c, h, w) → (n, width). The tail's inputs are those of its first
    stage, `tail.blocks[0]`.
    """
    return UnfrozenLayers(
        [*layers.blocks[len(layers.blocks) - stages :], layers.conv_head, layers.bn2], finish
    )


def vision_transformer_tail(visual: Any, blocks: int) -> UnfrozenLayers:
    """The last `blocks` blocks of an open_clip model's picture tower, be it its own
    VisionTransformer or timm's.

    The normalisation, pooling and projection behind them are part of it: it returns unit vectors
    (n, dim). The tail's inputs are those of its first block, `tail.blocks[0]`. Raises
    ConfigError for a pooling not known here.
    """
    if hasattr(visual, "trunk"):
        trunk = visual.trunk
        return UnfrozenLayers([*trunk.blocks][len(trunk.blocks) - blocks :], _TimmEnd(visual))
    layers = [*visual.transformer.resblocks]
    return UnfrozenLayers(layers[len(layers) - blocks :], _OpenClipEnd(visual))


class _OpenClipEnd(nn.Module):
    def __init__(self, visual: Any) -> None:
        super().__init__()
        if visual.attn_pool is not None or visual.pool_type not in {"avg", "tok"}:
            raise ConfigError(
                "this tower's pooling cannot be fine-tuned",
                value=visual.pool_type,
                fix="Train heads alone.",
            )
        self.average = visual.pool_type == "avg"
        self.pool_first = visual.final_ln_after_pool
        self.norm = visual.ln_post
        self.proj = visual.proj

    def forward(self, tokens: Tensor) -> Tensor:
        pooled = self.norm(self._pool(tokens)) if self.pool_first else self._pool(self.norm(tokens))
        return functional.normalize(pooled if self.proj is None else pooled @ self.proj, dim=-1)

    def _pool(self, tokens: Tensor) -> Tensor:
        return tokens[:, 1:].mean(1) if self.average else tokens[:, 0]


class _TimmEnd(nn.Module):
    def __init__(self, visual: Any) -> None:
        super().__init__()
        trunk = visual.trunk
        self.norm, self.attn_pool, self.fc_norm = trunk.norm, trunk.attn_pool, trunk.fc_norm
        self.head = nn.Sequential(trunk.head, visual.head)
        self.pool_type = trunk.global_pool
        self.prefix = 0 if trunk.pool_include_prefix else trunk.num_prefix_tokens

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm(tokens)
        if self.attn_pool is None:
            pooled = global_pool_nlc(normed, self.pool_type, num_prefix_tokens=self.prefix)
        else:
            pooled = self.attn_pool(normed[:, self.prefix :])
        return functional.normalize(self.head(self.fc_norm(pooled)), dim=-1)
