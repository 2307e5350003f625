"""Tiny SentenceTransformer folders of random weights, written to disk as the hub holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    EmbeddingGemma2Config,
    EmbeddingGemma2Model,
    EmbeddingGemma2Processor,
    EmbeddingGemma2VideoProcessor,
    Gemma4AudioFeatureExtractor,
    Gemma4ImageProcessor,
    PreTrainedTokenizerFast,
)

DIM = 32
PROMPTS = {"SearchQuery": "query photo ", "Document": "document a "}
GEMMA = [
    "<bos>",
    "<eos>",
    "<|image|>",
    "<|image>",
    "<image|>",
    "<|audio|>",
    "<|audio>",
    "<audio|>",
    "<|video|>",
]
WORDS = [
    "<pad>",
    "<unk>",
    *GEMMA,
    "a",
    "photo",
    "of",
    "red",
    "green",
    "blue",
    "mug",
    "query",
    "document",
]
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
AUDIO = {
    "model_type": "gemma4_audio",
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "subsampling_conv_channels": [128, 4],
    "output_proj_dims": 32,
}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'audio') %}<|{{ part['type'] }}|>"
    "{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
)


def tokenizer(**names: Any) -> PreTrainedTokenizerFast:
    words = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>")
    )
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # not annotated
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<eos>",
        model_max_length=256,
        **names,
    )


def write_text_model(folder: Path) -> None:
    """A BERT with mean pooling: it sees no pictures."""
    torch.manual_seed(0)
    BertModel(
        BertConfig(vocab_size=len(WORDS), max_position_embeddings=64, **SMALL)
    ).save_pretrained(folder / "raw")
    tokenizer().save_pretrained(folder / "raw")
    _write(folder, [Transformer(str(folder / "raw")), Pooling(DIM, "mean")])


def write_clip(folder: Path) -> None:
    """A CLIP whose towers do not meet before the space."""
    torch.manual_seed(0)
    ids = {"vocab_size": len(WORDS), "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    configuration = CLIPConfig(
        text_config={**SMALL, **ids, "max_position_embeddings": 64, "projection_dim": DIM},
        vision_config={**SMALL, "image_size": 32, "patch_size": 16, "projection_dim": DIM},
        projection_dim=DIM,
    )
    CLIPModel(configuration).save_pretrained(folder / "raw")
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = CLIPProcessor(pictures, tokenizer())  # type: ignore[no-untyped-call]  # not annotated
    processor.save_pretrained(folder / "raw")
    _write(folder, [Transformer(str(folder / "raw"))])


def write_gemma(folder: Path, *, has_audio: bool = False) -> None:
    """A tiny embeddinggemma-2: pictures, and sounds if `has_audio`, become tokens of the text
    model."""
    torch.manual_seed(0)
    heads = {"num_key_value_heads": 1, "head_dim": 16}
    token_ids: dict[str, Any] = {
        f"{name}_token_id": WORDS.index(word)
        for name, word in (
            ("image", "<|image|>"),
            ("boi", "<|image>"),
            ("eoi", "<image|>"),
            ("audio", "<|audio|>"),
            ("boa", "<|audio>"),
            ("video", "<|video|>"),
        )
    }
    configuration = EmbeddingGemma2Config(
        text_config={
            **SMALL,
            **heads,
            "vocab_size": len(WORDS),
            "global_head_dim": 16,
            "sliding_window_pattern": 1,
            "hidden_size_per_layer_input": 16,
            "embedding_dim": DIM,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
        vision_config={
            "model_type": "gemma4_vision",
            **SMALL,
            **heads,
            "num_key_value_heads": 2,
            "patch_size": 4,
        },
        audio_config=AUDIO if has_audio else None,
        **token_ids,
        eoa_token_index=WORDS.index("<audio|>"),
    )
    EmbeddingGemma2Model(configuration).save_pretrained(folder / "raw")
    special = {
        "image_token": "<|image|>",
        "boi_token": "<|image>",
        "eoi_token": "<image|>",
        "audio_token": "<|audio|>",
        "boa_token": "<|audio>",
        "eoa_token": "<audio|>",
    }
    processor = EmbeddingGemma2Processor(
        Gemma4AudioFeatureExtractor(),
        Gemma4ImageProcessor(patch_size=4, max_soft_tokens=70),
        tokenizer(extra_special_tokens=special),
        EmbeddingGemma2VideoProcessor(patch_size=4),
        TEMPLATE,
    )
    processor.save_pretrained(folder / "raw")
    _write(folder, [Transformer(str(folder / "raw")), Pooling(DIM, "mean"), Normalize()])


def _write(folder: Path, modules: list[torch.nn.Module]) -> None:
    SentenceTransformer(modules=modules, device="cpu", prompts=PROMPTS).save_pretrained(
        str(folder / "tiny")
    )
