"""The suite refuses to run if duplicate ids would hide tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CONFTEST = """
import pytest
from tests.support.unique import refuse_shared_ids

class Passing(pytest.Item):
    def runtest(self):
        pass

class Two(pytest.File):
    def collect(self):
        yield Passing.from_parent(self, name="one")
        yield Passing.from_parent(self, name="{other}")

def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".two":
        return Two.from_parent(parent, path=file_path)

def pytest_collection_modifyitems(items):
    refuse_shared_ids(items)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(("other", "is_run"), [("other", True), ("one", False)])
def test_a_run_with_duplicate_test_ids_is_refused(
    tmp_path: Path, workers: str, other: str, is_run: bool
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(other=other))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "tests.two").touch()

    options = ["-n", workers, "-p", "xdist.plugin", "--rootdir", str(tmp_path), str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (run.returncode == 0) is is_run
    assert ("2 passed" in run.stdout) is is_run
    assert ("tests.two::one" in run.stdout + run.stderr) is not is_run
