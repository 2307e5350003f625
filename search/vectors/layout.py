"""Where generations lie, which one is live, and the steps that make a change of either survive a
crash.

<root>/<space fingerprint>/CURRENT                    number and manifest checksum of the live
generation
<root>/<space fingerprint>/generations/<number>/      published, never changed again
<root>/<space fingerprint>/building/                  of the one builder that holds build.lock
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import filelock

from search.config import EngineSettings
from search.errors import BuildInProgress, CorruptGeneration
from search.types import Space
from search.vectors.manifest import MANIFEST

POINTER_LOCK_SECONDS = 30.0

POINTER_FORM = re.compile(r"([1-9]\d{0,15}) ([0-9a-f]{64})\n")

PointerStamp = tuple[int, int, int]
"""Modification time in nanoseconds, inode and size: changes with every replacement of the
pointer."""


def index_root(settings: EngineSettings) -> Path:
    """Folder of every vector index of this installation's tenant: tenants share neither files
    nor memory.
    """
    root = settings.var_dir / "index"
    return root / "tenants" / settings.tenant if settings.tenant else root


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one space under an index root."""

    home: Path

    @classmethod
    def of(cls, root: Path, space: Space) -> Layout:
        return cls(root / space.fingerprint)

    @property
    def pointer(self) -> Path:
        return self.home / "CURRENT"

    @property
    def generations(self) -> Path:
        return self.home / "generations"

    @property
    def building(self) -> Path:
        return self.home / "building"

    def folder(self, number: int) -> Path:
        return self.generations / str(number)

    def numbers(self) -> list[int]:
        """Numbers of the generations on disk, ascending."""
        if not self.generations.is_dir():
            return []
        return sorted(
            int(entry.name) for entry in self.generations.iterdir() if entry.name.isdecimal()
        )

    def stamp(self) -> PointerStamp | None:
        """A cheap sign that the pointer changed; None when nothing was published."""
        try:
            found = self.pointer.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def live(self) -> int | None:
        """Number of the live generation; None when nothing was published. Raises
        CorruptGeneration.
        """
        try:
            text = self.pointer.read_text("ascii", errors="replace")
        except FileNotFoundError:
            return None
        match = POINTER_FORM.fullmatch(text)
        if match is None:
            raise CorruptGeneration(f"{self.pointer} is not a pointer", value=text)
        number = int(match[1])
        if _manifest_digest(self.folder(number)) != match[2]:
            raise CorruptGeneration(
                f"{self.pointer} and the manifest of generation {number} do not belong together"
            )
        return number

    def substitutes(self) -> list[int]:
        """Generations to try when the live one is damaged, best first: those before it, or all
        if it is unknown.
        """
        match = POINTER_FORM.fullmatch(self.pointer.read_text("ascii", errors="replace"))
        newest = int(match[1]) - 1 if match else max(self.numbers(), default=0)
        return [number for number in reversed(self.numbers()) if number <= newest]

    @contextlib.contextmanager
    def build_lock(self) -> Iterator[None]:
        """One builder at a time. The kernel drops the lock with its holder. Raises
        BuildInProgress at once.
        """
        self.generations.mkdir(parents=True, exist_ok=True)
        try:
            with _lock(self.home / "build.lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise BuildInProgress(
                "another builder of this space is at work",
                value=self.home.name,
                fix="Try again when it has finished.",
            ) from error

    @contextlib.contextmanager
    def pointer_lock(self) -> Iterator[None]:
        """Held for the moment in which the pointer moves. Raises BuildInProgress when it stays
        taken.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with _lock(self.home / "pointer.lock", timeout=POINTER_LOCK_SECONDS):
                yield
        except filelock.Timeout as error:
            raise BuildInProgress(
                "the pointer is being moved by another process", value=self.home.name
            ) from error

    def point_to(self, number: int) -> None:
        """Make generation `number` live. Call with the pointer lock held."""
        temporary = self.home / "CURRENT.new"
        with open_durable(temporary) as file:
            file.write(f"{number} {_manifest_digest(self.folder(number))}\n".encode())
        temporary.replace(self.pointer)
        sync_folder(self.home)


def _lock(path: Path, timeout: float) -> filelock.BaseFileLock:
    return filelock.FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False)


def _manifest_digest(folder: Path) -> str:
    path = folder / MANIFEST
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CorruptGeneration(f"{path} cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def open_durable(path: Path) -> Iterator[BinaryIO]:
    """A new file that is on disk when the block ends. Raises OSError when the disk is full."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make names inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
