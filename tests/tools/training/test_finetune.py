from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from search.errors import ConfigError
from search.tuning.fit import fit
from search.tuning.heads import UnfrozenLayers, capture_inputs
from search.tuning.pairs import Pairs
from tests.search.tuning.toy import KINDS, RECIPE, same_weights
from tools.training.finetune import efficientnet_tail, fit_unfrozen, vision_transformer_tail


def pool(maps: Tensor) -> Tensor:
    return maps.mean((2, 3))


def pixels(count: int = 2, side: int = 32) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


def blocks() -> list[nn.Module]:
    torch.manual_seed(0)
    return [
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.Sequential(nn.GELU(), nn.Dropout(0.2), nn.Conv2d(8, 8, 3)),
    ]


def gradients(checkpointed: bool) -> list[Tensor]:
    tail = UnfrozenLayers(blocks(), pool).train()
    torch.manual_seed(1)
    if checkpointed:
        found = tail(pixels())
    else:
        found = pixels()
        for block in tail.blocks:
            found = block(found)
        found = pool(found)
    found.square().sum().backward()
    return [weight.grad for weight in tail.parameters() if weight.grad is not None]


def test_recomputed_gradients_are_the_plain_ones() -> None:
    ours, plain = gradients(checkpointed=True), gradients(checkpointed=False)
    assert len(ours) == len(plain) == 6 and all(bool(one.abs().sum() > 0) for one in ours)
    assert all(torch.equal(one, other) for one, other in zip(ours, plain, strict=True))


def test_intermediate_tensors_of_a_block_are_not_kept() -> None:
    block = nn.Sequential(*(layer for _ in range(4) for layer in (nn.Conv2d(3, 3, 3), nn.GELU())))

    def kept(tail: UnfrozenLayers) -> int:
        sizes: list[int] = []

        def pack(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            tail(pixels())
        return sum(sizes)

    assert (
        kept(UnfrozenLayers([block], pool).train()) < kept(UnfrozenLayers([block], pool).eval()) / 2
    )


def test_batch_normalisation_keeps_its_statistics() -> None:
    tail = UnfrozenLayers(blocks(), pool).train()
    norm: Any = tail.blocks[1]
    before = norm.running_mean.clone()
    tail(pixels())
    assert torch.equal(norm.running_mean, before)


def vision_transformer(**changed: Any) -> Any:
    settings = {"layers": 3, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32}
    torch.manual_seed(0)
    visual = open_clip.model._build_vision_tower(
        24, open_clip.CLIPVisionCfg(**(settings | changed))
    ).eval()
    if "timm_model_name" in changed:
        visual.set_input_size(32)
    return visual


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"pool_type": "avg"}, {"pool_type": "avg", "final_ln_after_pool": True},
        {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "map", "timm_proj": "none"},
        {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "avg", "timm_proj": "linear"},
    ],
)  # fmt: skip
def test_tail_of_a_vision_transformer_ends_as_the_tower_does(changed: dict[str, Any]) -> None:
    visual = vision_transformer(**changed)
    tail = vision_transformer_tail(visual, 2).eval()
    with torch.inference_mode():
        expected = nn.functional.normalize(visual(pixels()), dim=-1)
        found = tail(capture_inputs(tail.blocks[0], visual, pixels()))
    assert len(tail.blocks) == 2 and torch.allclose(found, expected, atol=1e-6)


def test_unknown_pooling_is_refused() -> None:
    with pytest.raises(ConfigError, match="pooling"):
        vision_transformer_tail(vision_transformer(attentional_pool=True, attn_pooler_heads=2), 1)


def test_last_stages_of_an_efficientnet_are_trained_with_the_heads() -> None:
    torch.manual_seed(0)
    network = timm.create_model(
        "tf_efficientnet_lite0", pretrained=False, num_classes=0, global_pool=""
    ).eval()
    tail = efficientnet_tail(network, 1, pool).eval()
    kinds = np.arange(48) % KINDS
    colours = torch.rand(KINDS, 3, 1, 1)[torch.from_numpy(kinds)]
    entering = capture_inputs(
        tail.blocks[0], network, colours + 0.05 * torch.randn(48, 3, 32, 32)
    ).half()
    with torch.inference_mode():
        pooled = tail(entering.float())
        assert torch.allclose(pooled, pool(network(colours[:48])), atol=1.0)
    texts = np.eye(KINDS, 384, dtype=np.float32)
    truth = csr_matrix(texts[kinds, :KINDS])
    recipe = replace(RECIPE, epochs=3, batch=16, dropout=0.0, tower_rate=1e-3, text_anchor=0.0)
    start = fit(Pairs.from_arrays(pooled.numpy(), texts, truth), recipe)
    before = {name: weight.clone() for name, weight in tail.state_dict().items()}
    fitted = fit_unfrozen(
        tail, start.heads, Pairs.from_arrays(entering[None].numpy(), texts, truth), recipe
    )
    picture: Any = fitted.picture
    trained = dict(picture[0].named_parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in tail.state_dict().items())
    assert all(
        not torch.equal(weight, before[name]) for name, weight in trained.items() if "conv" in name
    )
    assert not same_weights(picture[1], start.picture)
    assert fitted.picture(entering[:4].float()).shape == (4, 384)
