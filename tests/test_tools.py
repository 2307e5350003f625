"""The product runs without the folder `tools`, which the Docker image does not contain."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

PACKAGES = ("search", "webapp", "indexer")

RUN_COMMANDS = """
import sys
import manage
from django.core.management import get_commands, load_command_class

for command in ("check", "help"):
    sys.argv = ["manage.py", command]
    manage.main()
for name, app in get_commands().items():
    if app.startswith(("webapp", "indexer")):
        load_command_class(app, name)
"""


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_no_module_of_the_product_imports_tools() -> None:
    modules = [
        ROOT / "manage.py",
        *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py")),
    ]
    importing = {
        str(path.relative_to(ROOT))
        for path in modules
        for name in imported_modules(path)
        if name.partition(".")[0] == "tools"
    }
    assert len(modules) > 100
    assert importing == set()


def test_the_product_runs_without_tools(tmp_path: Path) -> None:
    shutil.copy(ROOT / "manage.py", tmp_path)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OMNISHELF_")
        and name not in {"PYTHONPATH", "DJANGO_SETTINGS_MODULE"}
    }
    environment["OMNISHELF_VAR_DIR"] = str(tmp_path / "var")
    run = subprocess.run(
        [sys.executable, "-c", RUN_COMMANDS],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    commands = set(run.stdout.split())
    assert {"serve", "demo", "index", "create_api_key"} <= commands
    assert "make_sample_shop" not in commands


def test_the_docker_image_contains_the_product_without_tools() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    copied = {name for line in dockerfile if line.startswith("COPY") for name in line.split()[1:-1]}
    assert {"manage.py", *PACKAGES} <= copied
    assert not copied & {".", "tools", "tests"}
    assert "tools" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
