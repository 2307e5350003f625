"""Media files named by the rows of a batch: opened, hashed, proved to decode, and stored under
their hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from django.core.files.base import File

from search.errors import FetchFailed, OmnishelfError
from search.media.inspect import MediaInfo, MediaLimits, inspect_media
from search.types import Modality
from webapp.catalog.models import Asset, AssetKind
from webapp.catalog.services.assets import StoredFile, storage_name, store_file
from webapp.catalog.services.media import file_suffix, make_stored_file
from webapp.importing.media_sources import MediaFile, MediaResolver
from webapp.importing.rows import ParsedRow

AT_ONCE = 32
"""Files held open at a time: bounds the temporary disk space that zipped and fetched files take."""
HEARTBEAT_S = 5.0
OWN_FAULTS = (PermissionError, FileNotFoundError, IsADirectoryError)
"""OSErrors that are one file's own; any other, such as a full disk, stops the import."""
SOURCE_LENGTH = 2000

COLUMNS = {"images": AssetKind.PICTURE, "audio": AssetKind.AUDIO, "video": AssetKind.VIDEO}

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


def row_references(row: ParsedRow) -> Iterator[Reference]:
    for column in COLUMNS:
        for text in getattr(row, column):
            yield Reference(row.number, column, text)


class MediaImporter:
    """Reads the media of one import. `heartbeat` is called while waiting, so that a slow host does
    not cost the claim.
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
        """Every reference's file, or why it cannot be used."""
        results: dict[Reference, MediaResult] = {}
        remaining = iter(references)
        while chunk := list(islice(remaining, AT_ONCE)):
            results |= self._read_chunk(chunk)
        return results

    def _read_chunk(self, chunk: list[Reference]) -> dict[Reference, MediaResult]:
        with ExitStack() as opened:
            files = dict(zip(chunk, self._each(self._open, chunk), strict=True))
            distinct: dict[Key, MediaFile] = {}
            for reference, file in files.items():
                if isinstance(file, MediaFile):
                    opened.enter_context(file)
                    distinct[reference.kind, file.sha256] = file
            results = known_files(distinct)
            results |= self._take_in(
                {key: file for key, file in distinct.items() if key not in results}
            )
        return {
            reference: _called(
                results[reference.kind, file.sha256] if isinstance(file, MediaFile) else file,
                reference,
            )
            for reference, file in files.items()
        }

    def _take_in(self, files: dict[Key, MediaFile]) -> dict[Key, MediaResult]:
        """Inspect files whose content is new here and put the sound ones into the store."""
        inspected = self._each(self._inspect, list(files.items()))
        return {
            key: info if isinstance(info, MediaProblem) else self._stored(key, file, info)
            for (key, file), info in zip(files.items(), inspected, strict=True)
        }

    def _stored(self, key: Key, file: MediaFile, info: MediaInfo) -> StoredFile:
        digest = key[1]
        name = storage_name(digest, suffix := file_suffix(info.format))
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
        except (OmnishelfError, *OWN_FAULTS) as error:
            return _unusable(error, reference.text)

    def _inspect(self, item: tuple[Key, MediaFile]) -> MediaInfo | MediaProblem:
        (kind, _), file = item
        try:
            return inspect_media(file.path, self._limits, Modality(kind))
        except (OmnishelfError, *OWN_FAULTS) as error:
            return _unusable(error)

    def _each(self, work: Callable[[T], R], items: list[T]) -> list[R]:
        futures = [self._pool.submit(work, item) for item in items]
        pending = set(futures)
        while pending:
            pending = wait(pending, timeout=HEARTBEAT_S).not_done
            self._heartbeat()
        return [future.result() for future in futures]


def known_files(wanted: Iterable[Key]) -> dict[Key, MediaResult]:
    """Contents that an asset has already: they were proved to decode, and lie in the store."""
    keys = set(wanted)
    assets = Asset.objects.filter(
        content_hash__in={digest for _, digest in keys}, error=""
    ).exclude(file="")
    fields = ("kind", "file", "content_hash", "bytes", "width", "height", "duration_s")
    return {
        (kind, digest): StoredFile(AssetKind(kind), name, digest, "", size, width, height, seconds)
        for kind, name, digest, size, width, height, seconds in assets.values_list(
            *fields
        ).distinct()
        if (kind, digest) in keys
    }


def _called(result: MediaResult, reference: Reference) -> MediaResult:
    return replace(result, source=reference.text[:SOURCE_LENGTH])


def _unusable(error: Exception, reference: str = "") -> MediaProblem:
    if not isinstance(error, OmnishelfError):
        return MediaProblem(reference, f"the file cannot be read: {error}.")
    # The message names the reference anyway.
    value = "" if error.value in (None, reference) else f" ({error.value})"
    advice = error.fix if error.permanent else "It may work later: upload the row again."
    return MediaProblem(reference, f"{error.problem}{value}. {advice}".rstrip())
