"""A Whisper checkpoint small enough to write in a test: real files, random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    """Write every file of a download. The model transcribes noise as letters."""
    letters = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = WhisperTokenizer(vocab=letters, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": [f"<|{name}|>" for name in SPECIAL]})
    number = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in SPECIAL}
    marks: dict[str, Any] = {
        "bos_token_id": number["endoftext"],
        "eos_token_id": number["endoftext"],
        "pad_token_id": number["endoftext"],
        "decoder_start_token_id": number["startoftranscript"],
    }
    _save_processor(tokenizer, folder)
    sizes: dict[str, Any] = {}
    for part in ("encoder", "decoder"):
        sizes |= {f"{part}_attention_heads": 2, f"{part}_layers": 1, f"{part}_ffn_dim": 32}
    torch.manual_seed(7)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            num_mel_bins=16,
            d_model=32,
            max_target_positions=160,
            **sizes,
            **marks,
        )
    )
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # not annotated
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


def _save_processor(tokenizer: WhisperTokenizer, folder: Path) -> None:
    # The library leaves these classes unannotated.
    extractor = WhisperFeatureExtractor(feature_size=16)  # type: ignore[no-untyped-call]
    WhisperProcessor(extractor, tokenizer).save_pretrained(folder)  # type: ignore[no-untyped-call]
