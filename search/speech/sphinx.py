"""PocketSphinx (Huggins-Daines et al., ICASSP 2006): English, from a package that brings its
model, on the processor.

It runs in a process of its own, started at its first use, stopped and started anew when it takes
too long.
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
from search.encoders.protocol import Waveform
from search.errors import Unavailable
from search.speech.base import SPEECH_RATE, Transcript
from search.speech.concurrency import Turns
from search.speech.languages import primary_language, require_language

NAME: Final = "pocketsphinx"
LEARNING_TIME_S: Final = 120.0
ROOM_S: Final = 0.3
PEAK: Final = 0.5
FAINT: Final = 1e-3
"""Peak below which a recording is silent: the microphone was off or muted."""

FRAME: Final = int(0.03 * SPEECH_RATE)
STEADY_DB: Final = 6.0
"""Between loud and quiet frames. Hum and noise keep their level (white noise 1 dB, brown 5.8);
the steadiest of 100 digits spoken and cut close has 6.5."""

Child: TypeAlias = "subprocess.Popen[bytes]"

_CHILD = Path(__file__).with_name("sphinx_child.py")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


class SphinxTranscriber:
    """One child process, one call at a time."""

    name = NAME

    def __init__(self, settings: EngineSettings) -> None:
        self._turns = Turns(settings.speech_time_limit_s)
        self._child: Child | None = None
        self._phrases: list[str] = []

    def understands(self, language: str) -> bool:
        return not language or primary_language(language) == "en"

    def learn(self, phrases: Sequence[str]) -> None:
        """The trigrams of these phrases on top of the general words. Takes seconds; the process
        that learned before answers meanwhile. Raises Unavailable.
        """
        learned = list(dict.fromkeys(filter(None, (plain(phrase) for phrase in phrases))))
        child = self._started(learned)
        with self._turns.held():
            self.close()
            self._child, self._phrases = child, learned

    def transcribe(self, sound: Waveform, language: str = "") -> Transcript:
        require_language(self, language)
        if _without_voice(sound):
            return Transcript("")
        content = _in_a_room(sound)
        with self._turns.held() as seconds:
            told = _ask(self._running(), {"bytes": len(content)}, content, seconds)
        return Transcript(told["text"], told["confidence"], tuple(told["alternatives"]))

    def close(self) -> None:
        """End the child process; the next use starts another."""
        if self._child is not None:
            _end(self._child)
            self._child = None

    def _running(self) -> Child:
        if self._child is None or self._child.poll() is not None:
            self._child = self._started(self._phrases)
        return self._child

    def _started(self, phrases: Sequence[str]) -> Child:
        # No environment: the process that meets hostile sounds should hold no secret.
        child = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={},
        )
        weakref.finalize(self, _end, child)
        if phrases:
            _ask(child, {"phrases": phrases}, b"", LEARNING_TIME_S)
        return child


def _ask(child: Child, question: object, content: bytes, seconds: float) -> Any:
    """Raises Unavailable when there is no answer in time; the child is ended then."""
    questions, answers = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    late = threading.Timer(seconds, child.kill)
    late.start()
    try:
        questions.write(json.dumps(question).encode() + b"\n" + content)
        questions.flush()
        answer = answers.readline()
    except BrokenPipeError:
        answer = b""
    finally:
        late.cancel()
    if not answer:
        _end(child)
        raise Unavailable(
            "the speech engine gave no answer in time", fix="Try again, with a shorter recording."
        )
    return json.loads(answer)


def plain(text: str) -> str:
    """'Women's T-Shirt, size 9' → "women's t shirt size": words as the dictionary spells them."""
    return " ".join(_WORD.findall(text.lower().replace("’", "'")))


def _without_voice(sound: Waveform) -> bool:
    """The decoder finds words in anything, so what is surely none is kept from it."""
    if len(sound) < FRAME or np.abs(sound).max() < FAINT:
        return True
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    quiet, loud = np.percentile(10 * np.log10((frames**2).mean(axis=1) + 1e-9), [10, 95])
    return bool(loud - quiet < STEADY_DB)


def _in_a_room(sound: Waveform) -> bytes:
    """16-bit sound at an even level with a quiet third of a second around it. The acoustic model
    was trained on recordings that begin before the first word, and adapts to their level: words
    cut close are misheard.
    """
    room = np.zeros(int(ROOM_S * SPEECH_RATE), np.float32)
    level = np.concatenate([room, sound * (PEAK / np.abs(sound).max()), room])
    return (level * 32767).astype("<i2").tobytes()


def _end(child: Child) -> None:
    child.kill()
    child.communicate()


def load(settings: EngineSettings) -> SphinxTranscriber:
    """Starts nothing yet."""
    return SphinxTranscriber(settings)
