"""Folders of generations on disk, and the pointer to the live one; both survive a crash.

<root>/<space fingerprint>/CURRENT                number and manifest checksum of the live one
<root>/<space fingerprint>/generations/<number>/  published, never changed again
<root>/<space fingerprint>/building/              of the one builder that holds build.lock
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from search.config import EngineSettings
from search.errors import BuildInProgress, CorruptGeneration
from search.files import file_sha256, remove_temporary_files, write_atomically
from search.types import Space
from search.vectors.manifest import MANIFEST

POINTER_LOCK_SECONDS = 30.0

POINTER_PATTERN = re.compile(r"([1-9]\d{0,15}) ([0-9a-f]{64})\n")

PointerStamp = tuple[int, int, int]
"""Modification time in nanoseconds, inode and size; differs after every replacement of the
pointer."""


def index_root(settings: EngineSettings) -> Path:
    """Return the folder of all vector indexes of this installation's tenant.

    Tenants share neither files nor memory.
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
        """Return the numbers of the generations on disk, ascending."""
        if not self.generations.is_dir():
            return []
        return sorted(
            int(entry.name) for entry in self.generations.iterdir() if entry.name.isdecimal()
        )

    def pointer_stamp(self) -> PointerStamp | None:
        """Return a stamp that differs for every pointer; None when nothing was published."""
        try:
            status = self.pointer.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def live_number(self) -> int | None:
        """Return the live generation's number; None when nothing was published.

        Raises CorruptGeneration when the pointer is damaged or does not match the manifest.
        """
        try:
            text = self.pointer.read_text("ascii", errors="replace")
        except FileNotFoundError:
            return None
        match = POINTER_PATTERN.fullmatch(text)
        if match is None:
            raise CorruptGeneration(f"{self.pointer} is not a pointer", value=text)
        number = int(match[1])
        if _manifest_digest(self.folder(number)) != match[2]:
            raise CorruptGeneration(
                f"{self.pointer} and the manifest of generation {number} do not belong together"
            )
        return number

    def fallback_numbers(self) -> list[int]:
        """Return generations to try when the live one is damaged, best first.

        These are those before it, or all if it is unknown.
        """
        match = POINTER_PATTERN.fullmatch(self.pointer.read_text("ascii", errors="replace"))
        newest = int(match[1]) - 1 if match else max(self.numbers(), default=0)
        return [number for number in reversed(self.numbers()) if number <= newest]

    @contextlib.contextmanager
    def build_lock(self) -> Iterator[None]:
        """Let one builder work at a time; the kernel drops the lock when its holder dies.

        Raises BuildInProgress at once when another holds it.
        """
        self.generations.mkdir(parents=True, exist_ok=True)
        try:
            with _lock(self.home / "build.lock", timeout=0):
                yield
        except filelock.Timeout as error:
            raise BuildInProgress(
                "another builder of this space is running",
                value=self.home.name,
                fix="Try again when it has finished.",
            ) from error

    @contextlib.contextmanager
    def pointer_lock(self) -> Iterator[None]:
        """Hold the lock for the moment in which the pointer moves.

        Raises BuildInProgress when another process keeps it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with _lock(self.home / "pointer.lock", timeout=POINTER_LOCK_SECONDS):
                yield
        except filelock.Timeout as error:
            raise BuildInProgress(
                "another process is moving the pointer", value=self.home.name
            ) from error

    def point_to(self, number: int) -> None:
        """Make generation `number` live. Call with the pointer lock held."""
        remove_temporary_files(self.pointer)
        write_atomically(self.pointer, f"{number} {_manifest_digest(self.folder(number))}\n")


def _lock(path: Path, timeout: float) -> filelock.BaseFileLock:
    return filelock.FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False)


def _manifest_digest(folder: Path) -> str:
    path = folder / MANIFEST
    try:
        return file_sha256(path)
    except OSError as error:
        raise CorruptGeneration(f"{path} cannot be read: {error.strerror}") from error
