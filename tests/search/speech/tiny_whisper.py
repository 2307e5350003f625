"""A Whisper checkpoint small enough to write in a test: real files, random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

LANGUAGES = ("en", "zh")
TASKS = ("translate", "transcribe")
SPECIAL = (
    "endoftext",
    "startoftranscript",
    *LANGUAGES,
    *TASKS,
    "startoflm",
    "startofprev",
    "nospeech",
    "notimestamps",
)


def write_tiny_whisper(folder: Path) -> Path:
    """Everything that a download holds. It writes down noise as letters."""
    letters = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = WhisperTokenizer(vocab=letters, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": [f"<|{name}|>" for name in SPECIAL]})
    number = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in SPECIAL}
    marks = {"bos_token_id": number["endoftext"], "eos_token_id": number["endoftext"]}
    marks |= {
        "pad_token_id": number["endoftext"],
        "decoder_start_token_id": number["startoftranscript"],
    }
    WhisperProcessor(WhisperFeatureExtractor(feature_size=16), tokenizer).save_pretrained(folder)
    heads = {f"{part}_attention_heads": 2 for part in ("encoder", "decoder")}
    layers = {f"{part}_layers": 1 for part in ("encoder", "decoder")}
    widths = {f"{part}_ffn_dim": 32 for part in ("encoder", "decoder")}
    torch.manual_seed(7)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            num_mel_bins=16,
            d_model=32,
            max_target_positions=160,
            **heads,
            **layers,
            **widths,
            **marks,
        )
    )
    model.generation_config = GenerationConfig(
        is_multilingual=True,
        lang_to_id={f"<|{name}|>": number[name] for name in LANGUAGES},
        task_to_id={name: number[name] for name in TASKS},
        no_timestamps_token_id=number["notimestamps"],
        suppress_tokens=list(number.values()),
        max_length=150,
        **marks,
    )
    model.save_pretrained(folder)
    return folder
