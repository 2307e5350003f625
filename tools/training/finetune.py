"""Fine-tune the last blocks of a picture tower. The blocks before them encode each picture once."""

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
    """Train copies of `tail`, at the recipe's `tower_rate`, and of trained `heads`.

    The pictures of `pairs`, (views, n, ...), are the inputs of the tail, see `capture_inputs`. The
    picture head of the result is an nn.Sequential of the new tail and the new head. Everything
    else is as in `fit`. Start from trained heads: the large gradients of untrained ones would
    damage the blocks.
    """
    picture, text = heads
    return fit(pairs, recipe, start=(nn.Sequential(tail, picture), text), checkpoint=checkpoint)


def efficientnet_tail(
    layers: Any, stages: int, finish: Callable[[Tensor], Tensor]
) -> UnfrozenLayers:
    """Return the last `stages` stages and the last convolution of a timm EfficientNet.

    `finish` pools its maps, (n, c, h, w) → (n, width). The tail's inputs are those of its first
    stage, `tail.blocks[0]`.
    """
    return UnfrozenLayers(
        [*layers.blocks[len(layers.blocks) - stages :], layers.conv_head, layers.bn2], finish
    )


def vision_transformer_tail(visual: Any, blocks: int) -> UnfrozenLayers:
    """Return the last `blocks` blocks of an open_clip picture tower (its own or timm's).

    The tail ends with the tower's normalisation, pooling and projection: it returns unit vectors
    (n, dim). Its inputs are those of its first block, `tail.blocks[0]`. Raises ConfigError for an
    unknown pooling.
    """
    if hasattr(visual, "trunk"):
        trunk = visual.trunk
        return UnfrozenLayers([*trunk.blocks][len(trunk.blocks) - blocks :], _TimmPooling(visual))
    layers = [*visual.transformer.resblocks]
    return UnfrozenLayers(layers[len(layers) - blocks :], _OpenClipPooling(visual))


class _OpenClipPooling(nn.Module):
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


class _TimmPooling(nn.Module):
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
