"""Speech that espeak-ng synthesises."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

VOICE = "en-us+klatt2"
WORDS_PER_MINUTE = 130


def require_espeak() -> None:
    """Skip the test without espeak-ng."""
    if shutil.which("espeak-ng") is None:
        assert not os.environ.get("OMNISHELF_TEST_REQUIRE_ALL"), "espeak-ng is required"
        pytest.skip("needs espeak-ng")


def say(text: str, path: Path, voice: str = VOICE) -> Path:
    """Write the spoken text as a WAV file."""
    require_espeak()
    subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(WORDS_PER_MINUTE), "-w", path, text], check=True
    )
    return path
