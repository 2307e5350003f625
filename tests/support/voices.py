"""Debian's espeak-ng as a speaker."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

VOICE = "en-us+klatt2"
WORDS_A_MINUTE = 130


def require_espeak() -> None:
    """Skip the test where there is no espeak-ng."""
    if shutil.which("espeak-ng") is None:
        assert not os.environ.get("OMNISHELF_TEST_REQUIRE_ALL"), "espeak-ng is required"
        pytest.skip("needs espeak-ng")


def say(text: str, path: Path, voice: str = VOICE) -> Path:
    """A WAV file of the spoken text."""
    require_espeak()
    subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(WORDS_A_MINUTE), "-w", path, text], check=True
    )
    return path
