"""Django settings of a test run, which writes to a temporary folder only.

The environment is set before the settings are read, so before any conftest.py is loaded.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="omnishelf-test-")
os.mkdir(os.path.join(_folder, "static"))  # files are served by the tests that collect them
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

for name in [
    name
    for name in os.environ
    if name.startswith("OMNISHELF_") and not name.startswith("OMNISHELF_TEST_")
]:
    del os.environ[name]
os.environ["OMNISHELF_VAR_DIR"] = _folder
os.environ["OMNISHELF_DELTA_POLL_S"] = "0"

from webapp.settings import *  # noqa: E402, F403
