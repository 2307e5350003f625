"""The served settings pass Django's deployment checks; errors name an invalid setting."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT


def check(tmp_path: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OMNISHELF_")
    }
    environment |= {"DJANGO_SETTINGS_MODULE": "webapp.settings", "OMNISHELF_VAR_DIR": str(tmp_path)}
    environment |= {f"OMNISHELF_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_served_settings_pass_the_deployment_checks(tmp_path: Path) -> None:
    served = {
        "SECRET_KEY": secrets.token_urlsafe(60),
        "HTTPS": "true",
        "BEHIND_PROXY": "true",
        "ALLOWED_HOSTS": "shop.example",
        "DATABASE_URL": "postgresql://omnishelf@db.example/omnishelf",
        "BROKER_URL": "redis://queue.example/0",
        "CACHE_URL": "redis://queue.example/1",
    }
    done = check(tmp_path, "--deploy", "--fail-level", "WARNING", **served)
    assert done.returncode == 0, done.stderr


def test_the_deployment_checks_fail_without_https(tmp_path: Path) -> None:
    assert check(tmp_path, "--deploy", "--fail-level", "WARNING").returncode != 0


def test_the_error_names_an_invalid_setting(tmp_path: Path) -> None:
    done = check(tmp_path, THREADS="many")
    assert done.returncode != 0
    assert "OMNISHELF_THREADS" in done.stderr


def test_a_server_database_needs_a_secret_key(tmp_path: Path) -> None:
    done = check(tmp_path, DATABASE_URL="postgresql://omnishelf@db.example/omnishelf")
    assert done.returncode != 0
    assert "secret_key" in done.stderr
