"""Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022)
through transformers.

Weights are read from local disk only, as safetensors only; code of a checkpoint is never run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from search.config import EngineSettings
from search.encoders.device import Runtime, pick_runtime
from search.encoders.protocol import Waveform
from search.errors import WeightsRefused
from search.speech.base import SPEECH_RATE, Transcript
from search.speech.concurrency import Turns
from search.speech.languages import primary_language, require_language
from search.speech.weights import require_whisper

NAME: Final = "whisper"
MOST_TOKENS: Final = 128
"""Thirty seconds of fast speech; what runs on longer is a loop, which silence can start."""


class WhisperTranscriber:
    """One model, loaded at its first use, one call at a time."""

    name = NAME

    def __init__(self, folder: Path, settings: EngineSettings) -> None:
        self._folder, self._settings = folder, settings
        self._turns = Turns(settings.speech_time_limit_s)
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None

    def understands(self, language: str) -> bool:
        return not language or primary_language(language) in LANGUAGES

    def learn(self, phrases: Sequence[str]) -> None:
        """Nothing: its vocabulary is open."""

    def transcribe(self, sound: Waveform, language: str = "") -> Transcript:
        require_language(self, language)
        if not sound.any():
            return Transcript("")
        with self._turns.held() as seconds:
            return self._model().transcribe(sound, primary_language(language), seconds)

    def _model(self) -> _Loaded:
        with self._loading:
            if self._loaded is None:
                self._loaded = _Loaded(self._folder, pick_runtime(self._settings))
            return self._loaded


class _Loaded:
    def __init__(self, folder: Path, runtime: Runtime) -> None:
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._processor = WhisperProcessor.from_pretrained(folder, **options)
            model = WhisperForConditionalGeneration.from_pretrained(
                folder, dtype=runtime.dtype, use_safetensors=True, **options
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsRefused(
                f"the speech model cannot be loaded: {error}",
                value=str(folder),
                fix="Fetch the checkpoint again.",
            ) from error
        self._runtime = runtime
        # The library's own annotations do not fit each other.
        self._model: Any = runtime.place(model)
        self._tokenizer: Any = self._processor.tokenizer
        self._speaks_many = bool(getattr(model.generation_config, "is_multilingual", False))

    def transcribe(self, sound: Waveform, language: str, seconds: float) -> Transcript:
        """Greedy decoding of at most thirty seconds. Confidence is the geometric mean of its
        tokens' probabilities.
        """
        inputs = self._processor(
            sound, sampling_rate=SPEECH_RATE, return_tensors="pt", return_attention_mask=True
        )
        features = self._runtime.send(inputs.input_features).to(self._runtime.dtype)
        chosen: dict[str, Any] = (
            {"task": "transcribe", "language": language or None} if self._speaks_many else {}
        )
        with torch.inference_mode():
            made = self._model.generate(
                features,
                attention_mask=self._runtime.send(inputs.attention_mask),
                max_new_tokens=MOST_TOKENS,
                max_time=seconds,
                return_dict_in_generate=True,
                output_scores=True,
                **chosen,
            )
        text = str(self._tokenizer.decode(made.sequences[0], skip_special_tokens=True)).strip()
        return Transcript(text, self._confidence(made) if text else 0.0)

    def _confidence(self, made: Any) -> float:
        told = self._model.compute_transition_scores(
            made.sequences, made.scores, normalize_logits=True
        )[0]
        told = told[torch.isfinite(told)]
        return float(told.mean().exp()) if len(told) else 0.0


def load(settings: EngineSettings) -> WhisperTranscriber:
    """Reads nothing yet but the folder's names. Raises WeightsMissing with the command that
    fetches the weights.
    """
    return WhisperTranscriber(require_whisper(settings), settings)
