"""Every test run writes to its own temporary folder, never to the var folder of an installation."""

from __future__ import annotations

import os
import tempfile

os.environ["OMNISHELF_VAR_DIR"] = tempfile.mkdtemp(prefix="omnishelf-test-")
os.environ.setdefault("OMNISHELF_DELTA_POLL_S", "0")
for name in ("OMNISHELF_DATABASE_URL", "OMNISHELF_BROKER_URL", "OMNISHELF_CACHE_URL", "OMNISHELF_S3_BUCKET"):
    os.environ.pop(name, None)
