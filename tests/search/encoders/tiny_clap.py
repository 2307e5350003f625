"""A tiny CLAP of random weights, written to disk as the hub holds it."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

from tests.search.encoders.tiny_sentence_transformers import SMALL, WORDS, tokenizer

WIDTH = 24


def write_clap(folder: Path) -> None:
    """Its windows are two seconds at 8 kHz."""
    torch.manual_seed(0)
    sound = {
        "patch_embeds_hidden_size": 8,
        "hidden_size": 16,
        "depths": [1, 1],
        "num_attention_heads": [1, 2],
        "num_hidden_layers": 2,
        "window_size": 4,
        "spec_size": 64,
        "num_mel_bins": 16,
        "projection_dim": WIDTH,
        "aff_block_r": 1,
    }
    words = {**SMALL, "vocab_size": len(WORDS), "pad_token_id": 0, "max_position_embeddings": 64}
    ClapModel(
        ClapConfig(
            text_config={**words, "projection_dim": WIDTH}, audio_config=sound, projection_dim=WIDTH
        )
    ).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    ClapFeatureExtractor(
        feature_size=16,
        sampling_rate=8_000,
        hop_length=80,
        fft_window_size=256,
        max_length_s=2,
        frequency_max=4000,
        padding="repeatpad",
        truncation="rand_trunc",
    ).save_pretrained(folder)
