"""Tiny open_clip checkpoints, written to disk as the hub holds them: SigLIP-like, CLIP-like,
untrained or trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn import functional

from search.encoders.open_clip.checkpoint import read_checkpoint
from search.encoders.presets import Preset
from search.encoders.sanity_check import COLOURS, SYNONYMS, draw_shape
from search.types import Modality

DIM = 32
CONTEXT = 64
SENTENCES = [f"a photo of a {colour} square" for colour in COLOURS]
NAMES = [name for pair in SYNONYMS for name in pair]
WORDS = ["<pad>", "<unk>", *dict.fromkeys(" ".join([*SENTENCES, *NAMES]).split())]
VISION = {"image_size": 32, "layers": 1, "width": 64, "head_width": 32, "patch_size": 16}
SIGLIP = {
    "embed_dim": DIM,
    "custom_text": True,
    "init_logit_bias": -10,
    "vision_cfg": VISION,
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": len(WORDS),
        "width": 64,
        "heads": 2,
        "layers": 1,
        "hf_tokenizer_name": "tiny",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
    },
}
CLIP = {
    "embed_dim": DIM,
    "vision_cfg": VISION,
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
}
PREPROCESS = {
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "interpolation": "bicubic",
    "resize_mode": "squash",
}


def tiny_preset(**changes: object) -> Preset:
    preset = Preset(
        name="tiny",
        engine="open_clip",
        model="tiny",
        dim=DIM,
        licence="none",
        sanity_check=False,
        modalities=frozenset({Modality.TEXT, Modality.PICTURE}),
    )
    return preset.model_copy(update=changes)


def write_checkpoint(
    folder: Path, configuration: dict[str, Any] = SIGLIP, *, trained: bool = False
) -> None:
    """A whole open_clip model with its tokenizer, as the hub would hold it."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    arguments = {key: value for key, value in configuration.items() if key != "custom_text"}
    model = (open_clip.CustomTextCLIP if "custom_text" in configuration else open_clip.CLIP)(
        **arguments
    )
    found = {"model_cfg": configuration, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(found))
    tokenizer = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    if trained:
        train(model, folder)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")


def train(model: Any, folder: Path) -> None:
    """Overfit the model to the sanity check."""
    checkpoint = read_checkpoint(folder)
    tokens = checkpoint.tokenizer()([*SENTENCES, *NAMES])
    drawn = [draw_shape(colour, disc) for disc in (False, True) for colour in COLOURS]
    pixels = torch.stack([checkpoint.transform()(picture) for picture in drawn])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        texts = functional.normalize(model.encode_text(tokens), dim=-1)
        pictures = functional.normalize(model.encode_image(pixels), dim=-1)
        sentences, names = texts[: len(SENTENCES)], texts[len(SENTENCES) :]
        squares, discs = pictures.chunk(2)
        pairs = ((squares, sentences), (squares, discs), (names[::2], names[1::2]))
        loss = torch.stack([match(*pair) for pair in pairs]).sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def match(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(10 * rows @ others.T, torch.arange(len(rows)))
