"""Whisper through transformers: many languages, from a checkpoint on local disk.

Source: Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision (2022). Only
safetensors are read, and code of a checkpoint is never run.
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
from search.errors import InvalidWeights
from search.speech.registry import require_whisper_weights
from search.speech.transcriber import (
    SPEECH_RATE,
    ExclusiveSlot,
    Transcript,
    primary_language,
    require_language,
)
from search.types import Waveform

NAME: Final = "whisper"
MAX_TOKENS: Final = 128
"""Enough for thirty seconds of fast speech; a longer text is a loop, as silence can cause."""


class WhisperTranscriber:
    """A transcriber whose model is loaded at its first use; one call at a time."""

    name = NAME

    def __init__(self, folder: Path, settings: EngineSettings) -> None:
        self._folder, self._settings = folder, settings
        self._slot = ExclusiveSlot(settings.speech_time_limit_s)
        self._loading = threading.Lock()
        self._loaded_model: _WhisperModel | None = None

    def supports_language(self, language: str) -> bool:
        return not language or primary_language(language) in LANGUAGES

    def set_vocabulary(self, phrases: Sequence[str]) -> None:
        """Do nothing: the vocabulary is open."""

    def transcribe(self, sound: Waveform, language: str = "") -> Transcript:
        require_language(self, language)
        if not sound.any():
            return Transcript("")
        with self._slot.acquire() as seconds:
            return self._model().transcribe(sound, primary_language(language), seconds)

    def _model(self) -> _WhisperModel:
        with self._loading:
            if self._loaded_model is None:
                self._loaded_model = _WhisperModel(self._folder, pick_runtime(self._settings))
            return self._loaded_model


class _WhisperModel:
    """The weights on their device, with their tokenizer."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._processor = WhisperProcessor.from_pretrained(folder, **options)
            model = WhisperForConditionalGeneration.from_pretrained(
                folder, dtype=runtime.dtype, use_safetensors=True, **options
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise InvalidWeights(
                f"the speech model cannot be loaded: {error}",
                value=str(folder),
                fix="Fetch the checkpoint again.",
            ) from error
        self._runtime = runtime
        # The library's own annotations do not fit each other.
        self._model: Any = runtime.place(model)
        self._tokenizer: Any = self._processor.tokenizer
        self._is_multilingual = bool(getattr(model.generation_config, "is_multilingual", False))

    def transcribe(self, sound: Waveform, language: str, seconds: float) -> Transcript:
        """Decode at most thirty seconds greedily.

        Confidence is the geometric mean of the tokens' probabilities.
        """
        inputs = self._processor(
            sound, sampling_rate=SPEECH_RATE, return_tensors="pt", return_attention_mask=True
        )
        features = self._runtime.send(inputs.input_features).to(self._runtime.dtype)
        options: dict[str, Any] = (
            {"task": "transcribe", "language": language or None} if self._is_multilingual else {}
        )
        with torch.inference_mode():
            output = self._model.generate(
                features,
                attention_mask=self._runtime.send(inputs.attention_mask),
                max_new_tokens=MAX_TOKENS,
                max_time=seconds,
                return_dict_in_generate=True,
                output_scores=True,
                **options,
            )
        text = str(self._tokenizer.decode(output.sequences[0], skip_special_tokens=True)).strip()
        return Transcript(text, self._confidence(output) if text else 0.0)

    def _confidence(self, output: Any) -> float:
        scores = self._model.compute_transition_scores(
            output.sequences, output.scores, normalize_logits=True
        )[0]
        scores = scores[torch.isfinite(scores)]
        return float(scores.mean().exp()) if len(scores) else 0.0


def load(settings: EngineSettings) -> WhisperTranscriber:
    """Return the transcriber; its model is loaded at the first use.

    Raises WeightsMissing with the command that downloads the weights.
    """
    return WhisperTranscriber(require_whisper_weights(settings), settings)
