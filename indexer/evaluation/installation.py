"""A throw-away installation: the same commands with a var folder of their own and nothing else
from outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

OUTSIDE = ("DATABASE_URL", "BROKER_URL", "CACHE_URL", "S3_BUCKET")
"""Settings that would make the evaluation touch the real catalogue."""


def run_apart(*arguments: str) -> int:
    """Run a management command in a throw-away installation. Returns its exit status."""
    environment = dict(os.environ)
    for name in OUTSIDE:
        environment.pop(f"OMNISHELF_{name}", None)
    with tempfile.TemporaryDirectory(prefix="omnishelf-evaluate-") as folder:
        environment["OMNISHELF_VAR_DIR"] = folder
        environment["OMNISHELF_LOG_LEVEL"] = "WARNING"
        manage = Path(settings.BASE_DIR) / "manage.py"
        return subprocess.run(
            [sys.executable, str(manage), *arguments], env=environment, check=False
        ).returncode
