"""Build a generation beside the live one, verify it, and publish it by one rename."""

from __future__ import annotations

import contextlib
import datetime
import errno
import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from search.errors import ConfigError, CorruptGeneration, QueryError, Unavailable
from search.types import Modality, Space, Vectors, ViewBatch
from search.vectors.faiss.checkpoints import STAGED, Checkpoints, StagedRows
from search.vectors.faiss.generations import FaissGenerations, open_generation
from search.vectors.faiss.segment_builder import Former, SegmentBuilder
from search.vectors.faiss.staging import StagedSegment
from search.vectors.faiss.tuning import filled_up, sample_queries
from search.vectors.index_types import IndexTypeSettings
from search.vectors.layout import Layout, open_durable, sync_folder
from search.vectors.manifest import (
    CHECKSUM,
    MANIFEST,
    Manifest,
    SegmentManifest,
    checksum_line,
    manifest_bytes,
    read_manifest,
)
from search.vectors.store import ROW_PARTS, RowStore, segment_file
from search.vectors.validation import check_batch, check_vectors

logger = logging.getLogger(__name__)

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FaissIndexBuilder:
    """Builds and publishes generations of one space.

    `index_types` say what a segment may look like; `exact_up_to` is short for changing that part of
    them alone. The live generation and those before it, `keep` in all, stay on disk for a
    rollback.
    """

    def __init__(
        self,
        root: Path,
        space: Space,
        *,
        index_types: IndexTypeSettings | None = None,
        exact_up_to: int | None = None,
        keep: int = 3,
    ) -> None:
        if keep < 1:
            raise ConfigError("at least one generation must be kept", value=keep)
        self._layout = Layout.of(root, space)
        self._generations = FaissGenerations(root, space)
        self._space = space
        self._index_types = index_types or IndexTypeSettings()
        if exact_up_to is not None:
            self._index_types = replace(self._index_types, exact_up_to=exact_up_to)
        self._keep = keep

    def build(
        self,
        batches: Iterable[ViewBatch],
        seq: int,
        questions: Mapping[Modality, Vectors] | None = None,
    ) -> Manifest:
        """Write, verify and publish a generation from a stream of batches: mixed modalities, any
        order.

        Memory holds the ids and the codes of one segment, never the vectors. Read `seq` before
        the stream starts: the generation must hold every change up to it; newer ones may be in
        it or not, because readers replace them from their delta. Hidden and deleted products are
        not streamed. Search parameters are tuned on `questions`, by modality; where they are
        few, or none, the modality's own views are asked as well.

        Where a builder was killed, the work it had finished is taken over, and the stream is not
        read when all rows were there: then the generation holds the changes up to that builder's
        `seq`, as its manifest says.

        Raises BuildInProgress when another builder of this space is alive, InvalidVectors for a
        bad batch, Unavailable when the disk is full, CorruptGeneration when what was written
        does not read back. Whatever is raised, the live generation stays and the temporary
        folder is removed.
        """
        if seq < 0:
            raise QueryError("seq must not be negative", value=seq)
        asked = {
            modality: check_vectors(vectors, self._space.dim)
            for modality, vectors in (questions or {}).items()
            if len(vectors)
        }
        with self._layout.build_lock(), self._temporary() as folder:
            started = time.monotonic()
            checkpoints = Checkpoints(folder)
            staged = checkpoints.staged(self._space.fingerprint, self._space.dim)
            if staged is None:
                staged = self._stage(folder, batches, seq)
                checkpoints.write(STAGED, staged)
            segments = self._write_segments(folder, staged, asked)
            checkpoints.remove()
            with self._layout.pointer_lock():
                manifest = self._manifest(staged.seq, segments, time.monotonic() - started)
                self._write_manifest(folder, manifest)
                self._publish(folder, manifest)
            self._generations.prune(self._keep)
        return manifest

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        """The folder to build in, with what a killed builder left; gone afterwards, published or
        not.
        """
        folder = self._layout.building
        try:
            folder.mkdir(exist_ok=True)
            yield folder
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise Unavailable(
                "the disk is full; the live generation is untouched",
                value=str(self._layout.home),
                fix="Free some space.",
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _stage(self, folder: Path, batches: Iterable[ViewBatch], seq: int) -> StagedRows:
        """Read the stream into row stores, after clearing what cannot be gone on with."""
        shutil.rmtree(folder)
        folder.mkdir()
        parts: dict[Modality, StagedSegment] = {}
        with contextlib.ExitStack() as open_files:
            for batch in batches:
                checked = check_batch(batch, self._space.dim)
                if not len(checked):
                    continue
                if checked.modality not in parts:
                    parts[checked.modality] = open_files.enter_context(
                        StagedSegment(folder, checked.modality, self._space.dim)
                    )
                parts[checked.modality].append(checked)
            counts = {modality: parts[modality].write_store() for modality in sorted(parts)}
        files = [segment_file(folder, modality, part) for modality in counts for part in ROW_PARTS]
        entries = tuple(Checkpoints(folder).entry(path) for path in files)
        return StagedRows(
            space=self._space.fingerprint,
            dim=self._space.dim,
            seq=seq,
            counts=counts,
            files=entries,
        )

    def _write_segments(
        self, folder: Path, staged: StagedRows, questions: Mapping[Modality, Vectors]
    ) -> tuple[SegmentManifest, ...]:
        dim = self._space.dim
        stores = {
            modality: RowStore(folder, modality, views, dim)
            for modality, (views, _) in staged.counts.items()
        }
        # Any modality may be the query, and each meets a segment from another side.
        asked = {modality: sample_queries(store) for modality, store in stores.items()}
        asked |= {
            modality: filled_up(given, asked.get(modality)) for modality, given in questions.items()
        }
        builder = SegmentBuilder(
            folder, dim, self._index_types, self._next_number(), self._former()
        )
        return tuple(
            builder.build(modality, store, staged.counts[modality][1], asked)
            for modality, store in stores.items()
        )

    def _former(self) -> Former:
        try:
            number = self._layout.live()
            if number is not None:
                folder = self._layout.folder(number)
                return Former(
                    folder, {part.modality: part for part in read_manifest(folder).segments}
                )
        except CorruptGeneration as error:
            logger.warning("lists are trained anew: %s", error)
        return Former(None, {})

    def _next_number(self) -> int:
        return max(self._layout.numbers(), default=0) + 1

    def _manifest(
        self, seq: int, segments: tuple[SegmentManifest, ...], seconds: float
    ) -> Manifest:
        return Manifest(
            number=self._next_number(),
            previous=self._previous(),
            space=self._space.fingerprint,
            preset=self._space.preset,
            dim=self._space.dim,
            seq=seq,
            created_at=datetime.datetime.now(datetime.UTC),
            build_seconds=round(seconds, 3),
            segments=segments,
        )

    def _previous(self) -> int | None:
        try:
            return self._layout.live()
        except CorruptGeneration:  # a build is what mends a damaged pointer
            return max(self._layout.numbers(), default=None)

    def _write_manifest(self, folder: Path, manifest: Manifest) -> None:
        body = manifest_bytes(manifest)
        for name, content in ((MANIFEST, body), (CHECKSUM, checksum_line(body))):
            with open_durable(folder / name) as file:
                file.write(content)
        sync_folder(folder)

    def _publish(self, folder: Path, manifest: Manifest) -> None:
        open_generation(folder, self._space)
        folder.replace(self._layout.folder(manifest.number))
        sync_folder(self._layout.generations)
        self._layout.point_to(manifest.number)
