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
from search.files import open_durable, sync_folder
from search.types import Modality, Space, Vectors, ViewBatch
from search.vectors.faiss.checkpoints import STAGED, Checkpoints, StagedRows
from search.vectors.faiss.generations import FaissGenerations, open_generation
from search.vectors.faiss.segment_builder import PreviousSegments, SegmentBuilder
from search.vectors.faiss.staging import StagedSegment
from search.vectors.faiss.tuning import fill_up_queries, sample_queries
from search.vectors.index_types import IndexTypeSettings
from search.vectors.layout import Layout
from search.vectors.manifest import (
    CHECKSUM,
    MANIFEST,
    Manifest,
    SegmentManifest,
    encode_manifest,
    format_checksum,
)
from search.vectors.store import STORE_PARTS, RowStore, segment_file
from search.vectors.validation import check_batch, check_queries

logger = logging.getLogger(__name__)

DISK_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FaissIndexBuilder:
    """Builds and publishes generations of one space.

    `index_types` limit the index types of segments; `exact_up_to` is short for changing that limit
    alone. The live generation and those before it, `keep` in all, stay on disk for a rollback.
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
        tuning_queries: Mapping[Modality, Vectors] | None = None,
    ) -> Manifest:
        """Write, verify and publish a generation from a stream of batches.

        1. Take the build lock and a temporary folder, with the checkpoints of a killed builder.
        2. Stage: stream the views to disk, sorted by product, one row store per modality.
        3. Build a segment per modality (`SegmentBuilder.build`); each writes checkpoints.
        4. Delete the checkpoints; take the pointer lock and write the manifest with the checksums
           of all files.
        5. Verify: open the generation as a reader does.
        6. Publish: rename the folder, then move the pointer, both durably.
        7. Delete generations that no rollback can reach.

        The stream mixes modalities, in any order, without hidden and deleted products. Read `seq`
        before the stream starts: the generation must hold every change up to it; newer ones may be
        in it or not, because readers replace them from their delta. Memory holds the ids and the
        codes of one segment, never the vectors. Search parameters are tuned on `tuning_queries`,
        by modality; where these are few, or none, the modality's own views are used as well.

        Where a killed builder had staged all rows, the stream is not read: then the generation
        holds the changes up to that builder's `seq`, as its manifest says.

        Raises BuildInProgress when another builder of this space is running, InvalidVectors for a
        bad batch, Unavailable when the disk is full, CorruptGeneration when what was written does
        not read back. Whatever is raised, the live generation stays and the temporary folder is
        removed.
        """
        if seq < 0:
            raise QueryError("seq must not be negative", value=seq)
        queries = check_queries(tuning_queries, self._space.dim)
        with self._layout.build_lock(), self._building_folder() as folder:
            started = time.monotonic()
            checkpoints = Checkpoints(folder)
            staged = checkpoints.read_staged(self._space.fingerprint, self._space.dim)
            if staged is None:
                staged = self._stage(folder, batches, seq)
                checkpoints.write(STAGED, staged)
            segments = self._build_segments(folder, staged, queries)
            checkpoints.remove()
            with self._layout.pointer_lock():
                manifest = self._make_manifest(staged.seq, segments, time.monotonic() - started)
                self._write_manifest(folder, manifest)
                self._publish(folder, manifest)
            self._generations.prune(self._keep)
        return manifest

    @contextlib.contextmanager
    def _building_folder(self) -> Iterator[Path]:
        """Yield the folder to build in, with what a killed builder left; delete it afterwards."""
        folder = self._layout.building
        try:
            folder.mkdir(exist_ok=True)
            yield folder
        except OSError as error:
            if error.errno not in DISK_FULL_ERRORS:
                raise
            raise Unavailable(
                "the disk is full; the live generation is unchanged",
                value=str(self._layout.home),
                fix="Free some space.",
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _stage(self, folder: Path, batches: Iterable[ViewBatch], seq: int) -> StagedRows:
        """Read the stream into row stores, after clearing the folder."""
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
        files = [
            segment_file(folder, modality, part) for modality in counts for part in STORE_PARTS
        ]
        return StagedRows(
            space=self._space.fingerprint,
            dim=self._space.dim,
            seq=seq,
            counts=counts,
            files=tuple(Checkpoints(folder).describe_file(path) for path in files),
        )

    def _build_segments(
        self, folder: Path, staged: StagedRows, given: Mapping[Modality, Vectors]
    ) -> tuple[SegmentManifest, ...]:
        dim = self._space.dim
        stores = {
            modality: RowStore(folder, modality, views, dim)
            for modality, (views, _) in staged.counts.items()
        }
        # Queries of any modality may search any segment.
        queries = {modality: sample_queries(store) for modality, store in stores.items()}
        for modality, vectors in given.items():
            queries[modality] = fill_up_queries(vectors, queries.get(modality))
        builder = SegmentBuilder(
            folder, dim, self._index_types, self._next_number(), self._previous_segments()
        )
        return tuple(
            builder.build(modality, store, staged.counts[modality][1], queries)
            for modality, store in stores.items()
        )

    def _previous_segments(self) -> PreviousSegments:
        try:
            number = self._generations.live_number()
            if number is not None:
                segments = self._generations.read_manifest(number).segments
                return PreviousSegments(
                    self._layout.folder(number), {part.modality: part for part in segments}
                )
        except CorruptGeneration as error:
            logger.warning("the index is trained anew: %s", error)
        return PreviousSegments(None, {})

    def _next_number(self) -> int:
        return max(self._generations.numbers(), default=0) + 1

    def _make_manifest(
        self, seq: int, segments: tuple[SegmentManifest, ...], seconds: float
    ) -> Manifest:
        return Manifest(
            number=self._next_number(),
            previous=self._previous_number(),
            space=self._space.fingerprint,
            preset=self._space.preset,
            dim=self._space.dim,
            seq=seq,
            created_at=datetime.datetime.now(datetime.UTC),
            build_seconds=round(seconds, 3),
            segments=segments,
        )

    def _previous_number(self) -> int | None:
        try:
            return self._generations.live_number()
        except CorruptGeneration:  # publishing replaces the damaged pointer
            return max(self._generations.numbers(), default=None)

    def _write_manifest(self, folder: Path, manifest: Manifest) -> None:
        body = encode_manifest(manifest)
        for name, content in ((MANIFEST, body), (CHECKSUM, format_checksum(body))):
            with open_durable(folder / name) as file:
                file.write(content)
        sync_folder(folder)

    def _publish(self, folder: Path, manifest: Manifest) -> None:
        open_generation(folder, self._space)
        folder.replace(self._layout.folder(manifest.number))
        sync_folder(self._layout.generations)
        self._generations.set_live(manifest.number)
