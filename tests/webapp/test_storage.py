"""A media file is complete or does not exist."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from pytest_django import Settings

from webapp.storage import DurableFileStorage

KILLED = """
import os, signal, sys
import django
django.setup()
from django.core.files.base import File
from webapp.storage import DurableFileStorage

class Endless(File):
    def __init__(self): super().__init__(None, "x")
    def chunks(self, chunk_size=None):
        yield b"half of it"
        os.kill(os.getpid(), signal.SIGKILL)

DurableFileStorage(location=sys.argv[1])._save("ab/cd.png", Endless())
"""


class Breaking(File):  # type: ignore[type-arg]  # not subscriptable at run time
    """A file that cannot be read to its end."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"half of it"
        raise OSError("the source is gone")


@pytest.fixture
def storage(tmp_path: Path) -> DurableFileStorage:
    return DurableFileStorage(location=tmp_path / "media")


def test_media_use_the_durable_storage() -> None:
    assert default_storage.__class__.__name__ == "DurableFileStorage"


def test_a_saved_file_can_be_read(storage: DurableFileStorage) -> None:
    name = storage.save("ab/cd.png", ContentFile(b"all of it"))
    assert name == "ab/cd.png"
    assert Path(storage.path(name)).read_bytes() == b"all of it"


def test_an_existing_file_is_not_overwritten(storage: DurableFileStorage) -> None:
    storage.save("a.png", ContentFile(b"first"))
    second = storage.save("a.png", ContentFile(b"second"))
    assert second != "a.png"
    assert Path(storage.path("a.png")).read_bytes() == b"first"


def test_a_process_killed_while_writing_leaves_no_media_file(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=os.environ, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not list(tmp_path.rglob("*.png"))


def test_a_failed_read_leaves_no_file(
    storage: DurableFileStorage, settings: Settings, tmp_path: Path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    with pytest.raises(OSError, match="the source is gone"):
        storage.save("a.png", Breaking(None, "a.png"))
    assert not storage.exists("a.png")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
