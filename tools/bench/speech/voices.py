"""Voices: Debian's speech synthesisers. Those of flite were built from recordings of people."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from search.errors import ConfigError

WORDS_PER_MINUTE: Final = "130"
VOICES: Final = (
    ("espeak-ng", "en-us"),
    ("espeak-ng", "en-gb"),
    ("espeak-ng", "en-us+f3"),
    ("espeak-ng", "en-us+klatt2"),
    ("flite", "slt"),
    ("flite", "rms"),
)

Voice = tuple[str, str]
"""Program, and the name of the voice in it."""


def installed_voices() -> list[Voice]:
    """Return the installed voices; raise ConfigError without espeak-ng."""
    if shutil.which("espeak-ng") is None:
        raise ConfigError(
            "speech cannot be synthesised here",
            value="espeak-ng",
            fix="apt-get install espeak-ng flite",
        )
    return [voice for voice in VOICES if shutil.which(voice[0])]


def synthesise(text: str, voice: Voice, folder: Path) -> Path:
    """Write a WAV file of the spoken text, and return its path."""
    program, name = voice
    path = folder / f"{program}-{name}-{re.sub(r'[^a-z]+', '-', text.lower())[:60]}.wav"
    if program == "flite":
        command = ["flite", "-voice", name, "-t", text, "-o", str(path)]
    else:
        command = ["espeak-ng", "-v", name, "-s", WORDS_PER_MINUTE, "-w", str(path), text]
    subprocess.run(command, check=True, capture_output=True)
    return path
