"""Media of the rows of a batch: opened, hashed, checked to decode, and stored under their hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from django.core.files.base import File

from search.errors import FetchFailed, OmnishelfError
from search.media.inspect import MediaInfo, inspect_media
from search.media.limits import MediaLimits
from search.modalities import MODALITIES
from search.types import Modality
from webapp.catalog.models import Asset, AssetKind
from webapp.catalog.services.assets import (
    StoredFile,
    file_suffix,
    make_stored_file,
    storage_name,
    store_file,
)
from webapp.importing.media_sources import MediaFile, MediaResolver
from webapp.importing.schema import ProductRow

MEDIA_BATCH_SIZE = 32
"""Files open at a time: bounds the temporary disk space of zipped and fetched files."""
HEARTBEAT_S = 5.0
FILE_ERRORS = (PermissionError, FileNotFoundError, IsADirectoryError)
"""OSErrors of one file; any other, such as a full disk, stops the import."""
MAX_SOURCE = 2000

COLUMNS = {
    column: AssetKind(modality.value) for column, modality in MODALITIES.upload_columns.items()
}

T = TypeVar("T")
R = TypeVar("R")
Key = tuple[str, str]
"""Kind and content hash."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A path or URL in a cell."""

    number: int
    column: str
    text: str

    @property
    def kind(self) -> AssetKind:
        return COLUMNS[self.column]


@dataclass(frozen=True, slots=True)
class MediaProblem:
    """Why a reference gives no file."""

    source: str
    reason: str


MediaResult = StoredFile | MediaProblem


def row_references(row: ProductRow) -> Iterator[Reference]:
    for column in COLUMNS:
        for text in getattr(row, column):
            yield Reference(row.number, column, text)


class MediaImporter:
    """Reads the media of one import.

    `heartbeat` is called while waiting, so that a slow host does not cost the claim. Files are
    stored only if `store`.
    """

    def __init__(
        self,
        resolver: MediaResolver,
        limits: MediaLimits,
        pool: Executor,
        *,
        store: bool,
        heartbeat: Callable[[], None],
    ) -> None:
        self._resolver = resolver
        self._limits = limits
        self._pool = pool
        self._store = store
        self._heartbeat = heartbeat

    def read(self, references: Iterable[Reference]) -> dict[Reference, MediaResult]:
        """Return the stored file of each reference, or its problem."""
        results: dict[Reference, MediaResult] = {}
        remaining = iter(references)
        while chunk := list(islice(remaining, MEDIA_BATCH_SIZE)):
            results |= self._read_chunk(chunk)
        return results

    def _read_chunk(self, chunk: Sequence[Reference]) -> dict[Reference, MediaResult]:
        """Read some files.

        1. Open and hash each file; equal contents of one kind are read once.
        2. Look up contents that are stored already.
        3. Check and store the new ones.
        """
        results: dict[Reference, MediaResult] = {}
        keys: dict[Reference, Key] = {}
        with ExitStack() as stack:
            files: dict[Key, MediaFile] = {}
            for reference, opened in zip(chunk, self._map(self._open, chunk), strict=True):
                if isinstance(opened, MediaProblem):
                    results[reference] = opened
                else:
                    stack.enter_context(opened)
                    keys[reference] = reference.kind, opened.sha256
                    files[keys[reference]] = opened
            contents = find_stored_files(files)
            new = {key: file for key, file in files.items() if key not in contents}
            contents |= self._store_new(new)
        for reference, key in keys.items():
            results[reference] = replace(contents[key], source=reference.text[:MAX_SOURCE])
        return results

    def _store_new(self, files: dict[Key, MediaFile]) -> dict[Key, MediaResult]:
        inspected = self._map(self._inspect, list(files.items()))
        return {
            key: info if isinstance(info, MediaProblem) else self._store_file(key, file, info)
            for (key, file), info in zip(files.items(), inspected, strict=True)
        }

    def _store_file(self, key: Key, file: MediaFile, info: MediaInfo) -> StoredFile:
        digest, suffix = key[1], file_suffix(info.format)
        name = storage_name(digest, suffix)
        if self._store:
            with file.path.open("rb") as content:
                name = store_file(File(content), content_hash=digest, suffix=suffix)
        return make_stored_file(info, digest, name)

    def _open(self, reference: Reference) -> MediaFile | MediaProblem:
        try:
            try:
                return self._resolver.open(reference.text)
            except FetchFailed:
                return self._resolver.open(reference.text)
        except (OmnishelfError, *FILE_ERRORS) as error:
            return _to_problem(error, reference.text)

    def _inspect(self, item: tuple[Key, MediaFile]) -> MediaInfo | MediaProblem:
        (kind, _), file = item
        try:
            return inspect_media(file.path, self._limits, Modality(kind))
        except (OmnishelfError, *FILE_ERRORS) as error:
            return _to_problem(error)

    def _map(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        futures = [self._pool.submit(work, item) for item in items]
        pending = set(futures)
        while pending:
            pending = wait(pending, timeout=HEARTBEAT_S).not_done
            self._heartbeat()
        return [future.result() for future in futures]


def find_stored_files(keys: Iterable[Key]) -> dict[Key, MediaResult]:
    """Return the contents that an asset has already: they decode, and are in the store."""
    wanted = set(keys)
    assets = Asset.objects.filter(
        content_hash__in={digest for _, digest in wanted}, error=""
    ).exclude(file="")
    fields = ("kind", "file", "content_hash", "bytes", "width", "height", "duration_s")
    return {
        (kind, digest): StoredFile(AssetKind(kind), name, digest, "", size, width, height, duration)
        for kind, name, digest, size, width, height, duration in assets.values_list(
            *fields
        ).distinct()
        if (kind, digest) in wanted
    }


def _to_problem(error: Exception, reference: str = "") -> MediaProblem:
    if not isinstance(error, OmnishelfError):
        return MediaProblem(reference, f"the file cannot be read: {error}.")
    # The warning names the reference already.
    value = "" if error.value in (None, reference) else f" ({error.value})"
    advice = error.fix if error.permanent else "It may work later: upload the row again."
    return MediaProblem(reference, f"{error.problem}{value}. {advice}".rstrip())
