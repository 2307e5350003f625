"""Build a generation beside the live one, verify it, and publish it by one rename."""

from __future__ import annotations

import contextlib
import datetime
import errno
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from search.errors import ConfigError, CorruptGeneration, QueryError, Unavailable
from search.types import Modality, Space, ViewBatch
from search.vectors.checks import check_batch
from search.vectors.generation import open_generation
from search.vectors.layout import Layout, open_durable, sync_folder
from search.vectors.manifest import CHECKSUM, MANIFEST, Manifest, SegmentManifest, checksum_line, manifest_bytes
from search.vectors.segment_builder import SegmentBuilder
from search.vectors.staging import StagedSegment

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class GenerationBuilder:
    """Builds and publishes generations of one space.

    Segments of up to `exact_up_to` views are searched exactly, larger ones through inverted lists. The live generation
    and those before it, `keep` in all, stay on disk for a rollback.
    """

    def __init__(self, root: Path, space: Space, *, exact_up_to: int = 20_000, keep: int = 3) -> None:
        if keep < 1:
            raise ConfigError("at least one generation must be kept", value=keep)
        self._layout = Layout.of(root, space)
        self._space = space
        self._exact_up_to = exact_up_to
        self._keep = keep

    def build(self, batches: Iterable[ViewBatch], seq: int) -> Manifest:
        """Write, verify and publish a generation from a stream of batches: mixed modalities, any order.

        Memory holds the ids and, above `exact_up_to`, the compressed codes, never the vectors. Read `seq` before the
        stream starts: the generation must hold every change up to it; newer ones may be in it or not, because readers
        replace them from their delta. Hidden and deleted products are not streamed.

        Raises BuildInProgress when another builder of this space is alive, VectorsRefused for a bad batch, Unavailable
        when the disk is full, CorruptGeneration when what was written does not read back. Whatever is raised, the
        live generation stays and the temporary folder is removed.
        """
        if seq < 0:
            raise QueryError("seq must not be negative", value=seq)
        with self._layout.build_lock(), self._temporary() as folder:
            started = time.monotonic()
            segments = self._write_segments(folder, batches)
            with self._layout.pointer_lock():
                manifest = self._manifest(seq, segments, time.monotonic() - started)
                self._write_manifest(folder, manifest)
                self._publish(folder, manifest)
            self._layout.prune(self._keep)
        return manifest

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A new folder that is gone afterwards, published or not. What a killed builder left is removed first."""
        folder = self._layout.building
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir()
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

    def _write_segments(self, folder: Path, batches: Iterable[ViewBatch]) -> tuple[SegmentManifest, ...]:
        staged: dict[Modality, StagedSegment] = {}
        with contextlib.ExitStack() as open_files:
            for batch in batches:
                checked = check_batch(batch, self._space.dim)
                if not len(checked):
                    continue
                if checked.modality not in staged:
                    staged[checked.modality] = open_files.enter_context(
                        StagedSegment(folder, checked.modality, self._space.dim)
                    )
                staged[checked.modality].append(checked)
            return SegmentBuilder(folder, self._space.dim, self._exact_up_to).build(list(staged.values()))

    def _manifest(self, seq: int, segments: tuple[SegmentManifest, ...], seconds: float) -> Manifest:
        return Manifest(
            number=max(self._layout.numbers(), default=0) + 1,
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
