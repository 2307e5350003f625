"""PocketSphinx (Huggins-Daines et al., ICASSP 2006): English, on the CPU, model in its package.

It runs in a child process that starts at the first use and is replaced when it takes too long.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final, TypeAlias, cast

import numpy as np

from search.config import EngineSettings
from search.errors import Unavailable
from search.speech.transcriber import (
    SPEECH_RATE,
    ExclusiveSlot,
    Transcript,
    primary_language,
    require_language,
)
from search.types import Waveform

NAME: Final = "pocketsphinx"
VOCABULARY_TIME_LIMIT_S: Final = 120.0
PADDING_S: Final = 0.3
PEAK_LEVEL: Final = 0.5
MIN_PEAK: Final = 1e-3
"""A recording with a lower peak is silent: the microphone was off or muted."""

FRAME: Final = int(0.03 * SPEECH_RATE)
MIN_DYNAMIC_RANGE_DB: Final = 6.0
"""Level difference between loud and quiet frames of speech. Hum and noise keep their level (white
noise 1 dB, brown 5.8); the steadiest of 100 digits, spoken and cut close, has 6.5."""

Child: TypeAlias = "subprocess.Popen[bytes]"

_CHILD = Path(__file__).with_name("sphinx_child.py")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


class SphinxTranscriber:
    """A transcriber with one child process, used by one caller at a time."""

    name = NAME

    def __init__(self, settings: EngineSettings) -> None:
        self._slot = ExclusiveSlot(settings.speech_time_limit_s)
        self._child: Child | None = None
        self._phrases: list[str] = []

    def supports_language(self, language: str) -> bool:
        return not language or primary_language(language) == "en"

    def set_vocabulary(self, phrases: Sequence[str]) -> None:
        """Start a child that expects the trigrams of these phrases besides general words.

        Takes seconds, in which the previous child keeps answering. Raises Unavailable.
        """
        normalised = list(
            dict.fromkeys(filter(None, (normalise_words(phrase) for phrase in phrases)))
        )
        child = self._start_child(normalised)
        with self._slot.acquire():
            self.close()
            self._child, self._phrases = child, normalised

    def transcribe(self, sound: Waveform, language: str = "") -> Transcript:
        require_language(self, language)
        if _is_silent(sound):
            return Transcript("")
        content = _to_padded_pcm(sound)
        with self._slot.acquire() as seconds:
            reply = _request(self._ensure_child(), {"bytes": len(content)}, content, seconds)
        return Transcript(reply["text"], reply["confidence"], tuple(reply["alternatives"]))

    def close(self) -> None:
        """End the child process; the next use starts another."""
        if self._child is not None:
            _terminate(self._child)
            self._child = None

    def _ensure_child(self) -> Child:
        if self._child is None or self._child.poll() is not None:
            self._child = self._start_child(self._phrases)
        return self._child

    def _start_child(self, phrases: Sequence[str]) -> Child:
        # No environment: a process that decodes untrusted sounds must hold no secret.
        child = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
        )
        weakref.finalize(self, _terminate, child)
        if phrases:
            _request(child, {"phrases": phrases}, b"", VOCABULARY_TIME_LIMIT_S)
        return child


def _request(child: Child, message: object, content: bytes, seconds: float) -> Any:
    """Send a message and return the reply.

    Raises Unavailable when no reply comes in time; the child is terminated then.
    """
    stdin, stdout = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    timeout = threading.Timer(seconds, child.kill)
    timeout.start()
    try:
        stdin.write(json.dumps(message).encode() + b"\n" + content)
        stdin.flush()
        reply = stdout.readline()
    except BrokenPipeError:
        reply = b""
    finally:
        timeout.cancel()
    if not reply:
        _terminate(child)
        raise Unavailable(
            "the speech engine did not answer in time", fix="Try again, with a shorter recording."
        )
    return json.loads(reply)


def normalise_words(text: str) -> str:
    """Spell words as the dictionary does: 'Women's T-Shirt, size 9' → "women's t shirt size"."""
    return " ".join(_WORD.findall(text.lower().replace("’", "'")))


def _is_silent(sound: Waveform) -> bool:
    """Return whether a recording surely has no speech; the decoder would still find words."""
    if len(sound) < FRAME or np.abs(sound).max() < MIN_PEAK:
        return True
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    quiet, loud = np.percentile(10 * np.log10((frames**2).mean(axis=1) + 1e-9), [10, 95])
    return bool(loud - quiet < MIN_DYNAMIC_RANGE_DB)


def _to_padded_pcm(sound: Waveform) -> bytes:
    """Return 16-bit sound at a fixed peak level with silence before and after.

    The acoustic model was trained on recordings that begin before the first word, and adapts to
    their level: words without a pause around them are misheard.
    """
    padding = np.zeros(int(PADDING_S * SPEECH_RATE), np.float32)
    padded = np.concatenate([padding, sound * (PEAK_LEVEL / np.abs(sound).max()), padding])
    return (padded * 32767).astype("<i2").tobytes()


def _terminate(child: Child) -> None:
    child.kill()
    child.communicate()


def load(settings: EngineSettings) -> SphinxTranscriber:
    """Return the transcriber; its child process starts at the first use."""
    return SphinxTranscriber(settings)
