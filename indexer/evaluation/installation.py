"""A temporary installation: commands run with a var folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

EXTERNAL_SETTINGS = ("DATABASE_URL", "BROKER_URL", "CACHE_URL", "S3_BUCKET")
"""Settings that would let a command touch the real catalogue."""


def run_in_temporary_installation(*arguments: str) -> int:
    """Run a management command in a temporary installation. Return its exit status."""
    environment = dict(os.environ)
    for name in EXTERNAL_SETTINGS:
        environment.pop(f"OMNISHELF_{name}", None)
    with tempfile.TemporaryDirectory(prefix="omnishelf-evaluate-") as folder:
        environment["OMNISHELF_VAR_DIR"] = folder
        environment["OMNISHELF_LOG_LEVEL"] = "WARNING"
        manage = Path(settings.BASE_DIR) / "manage.py"
        return subprocess.run(
            [sys.executable, str(manage), *arguments], env=environment, check=False
        ).returncode
