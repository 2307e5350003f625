"""Build a generation in a collection of its own, verify it, and publish it by moving the alias."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Iterable, Iterator, Mapping

from search.config import MilvusIndexType
from search.errors import ConfigError, QueryError
from search.types import Ids, Modality, Space, Vectors, ViewBatch
from search.vectors.layout import Layout
from search.vectors.manifest import Manifest, SegmentManifest
from search.vectors.milvus.build_stats import Tallies, Tally, held_back, sampled_queries
from search.vectors.milvus.collection import RemoteCollection
from search.vectors.milvus.connection import BUILD_SECONDS, CHANGE_SECONDS, Connection
from search.vectors.milvus.generations import MilvusGenerations
from search.vectors.milvus.metadata import Record, write_record
from search.vectors.milvus.naming import PARTITION_KEY, PRODUCT_ID, ROW, VECTOR, VIEW_ID, Names
from search.vectors.milvus.schema import (
    LISTED,
    PARTITIONS,
    IndexType,
    collection_schema,
    index_params,
    index_type_for,
    list_count,
)
from search.vectors.milvus.tuning import tuned_segment
from search.vectors.scoring import rounded
from search.vectors.validation import check_batch, check_vectors

INSERT_BYTES = 8 << 20
"""Vectors sent in one insertion; a server takes messages of up to 64 MiB."""


class MilvusIndexBuilder:
    """An `IndexBuilder` over Milvus.

    The live generation and the one before it stay loaded, the other `keep` - 2 stay stored for a
    rollback.
    """

    def __init__(
        self, connection: Connection, lock: Layout, space: Space, *, tenant: str = "",
        index_type: MilvusIndexType = "auto", recall_target: float = 0.97, keep: int = 3,
    ) -> None:  # fmt: skip
        """`lock` is a folder that all builders share. Raises ConfigError."""
        if keep < 1:
            raise ConfigError("at least one generation must be kept", value=keep)
        self._connection = connection
        self._lock = lock
        self._space = space
        self._names = Names.of(space, tenant)
        self._generations = MilvusGenerations(connection, space, tenant=tenant)
        self._index_type: IndexType = index_type_for(index_type, connection)
        self._recall_target = recall_target
        self._keep = keep

    def build(
        self,
        batches: Iterable[ViewBatch],
        seq: int,
        questions: Mapping[Modality, Vectors] | None = None,
    ) -> Manifest:
        """Write, verify and publish a generation from a stream of batches; see
        `FaissIndexBuilder.build`.

        Memory holds one insertion at a time. Raises BuildInProgress, InvalidVectors, Unavailable
        when the server is away or full, CorruptGeneration when it holds other counts than were
        sent. The live generation stays whatever is raised, and the new collection is dropped, by
        the next build if not by this one.
        """
        if seq < 0:
            raise QueryError("seq must not be negative", value=seq)
        asked = {
            modality: check_vectors(vectors, self._space.dim)
            for modality, vectors in (questions or {}).items()
            if len(vectors)
        }
        with self._lock.build_lock():
            self._generations.drop_unfinished()
            self._generations.unload_all_but_live()
            number = max(self._generations.numbers(), default=0) + 1
            with self._new_collection(number) as name:
                manifest = self._published(name, number, batches, seq, asked)
            self._generations.prune(self._keep)
        return manifest

    @contextlib.contextmanager
    def _new_collection(self, number: int) -> Iterator[str]:
        """A collection that is dropped again unless the block succeeds."""
        name = self._names.collection(number)
        schema = collection_schema(self._space.dim)
        self._connection(
            "create_collection",
            name,
            schema=schema,
            num_partitions=PARTITIONS,
            consistency_level="Eventually",
            seconds=CHANGE_SECONDS,
        )
        finished = False
        try:
            yield name
            finished = True
        finally:
            if not finished:
                self._connection("drop_collection", name, seconds=CHANGE_SECONDS)

    def _published(
        self,
        name: str,
        number: int,
        batches: Iterable[ViewBatch],
        seq: int,
        asked: Mapping[Modality, Vectors],
    ) -> Manifest:
        started = time.monotonic()
        tallies = self._inserted(name, batches, asked)
        self._connection("flush", name, seconds=BUILD_SECONDS)
        params = index_params(self._index_type, tallies.rows, self._space.dim)
        self._connection("create_index", name, params, seconds=BUILD_SECONDS)
        self._connection("load_collection", name, seconds=BUILD_SECONDS)
        record = self._tuned(name, self._draft(number, seq, tallies), tallies)
        seconds = round(time.monotonic() - started, 3)
        record = record.model_copy(
            update={"manifest": record.manifest.model_copy(update={"build_seconds": seconds})}
        )
        self._generations.check_counts(name, record.manifest)
        write_record(self._connection, name, record)
        self._generations.set_live(number)
        return record.manifest

    def _inserted(
        self, name: str, batches: Iterable[ViewBatch], asked: Mapping[Modality, Vectors]
    ) -> Tallies:
        held, stream = held_back(check_batch(batch, self._space.dim) for batch in batches)
        tallies = Tallies(sampled_queries(held) | dict(asked))
        step = max(1, INSERT_BYTES // (4 * self._space.dim))
        for batch in stream:
            for at in range(0, len(batch), step):
                cut = slice(at, at + step)
                piece = ViewBatch(
                    batch.modality, batch.view_ids[cut], batch.product_ids[cut], batch.vectors[cut]
                )
                self._insert(name, piece, tallies.add(piece))
        return tallies

    def _insert(self, name: str, batch: ViewBatch, rows: Ids) -> None:
        part = self._names.part(batch.modality)
        columns = (
            rows.tolist(),
            batch.view_ids.tolist(),
            batch.product_ids.tolist(),
            rounded(batch.vectors),
        )
        self._connection(
            "insert",
            name,
            [
                {
                    ROW: row,
                    PARTITION_KEY: part,
                    VIEW_ID: view_id,
                    PRODUCT_ID: product_id,
                    VECTOR: vector,
                }
                for row, view_id, product_id, vector in zip(*columns, strict=True)
            ],
            seconds=BUILD_SECONDS,
        )

    def _draft(self, number: int, seq: int, tallies: Tallies) -> Record:
        lists = list_count(tallies.rows, self._space.dim) if self._index_type in LISTED else 0
        segments = [
            self._segment(tallies.by_modality[part], lists) for part in sorted(tallies.by_modality)
        ]
        manifest = Manifest(
            number=number,
            previous=self._generations.live_number(),
            space=self._space.fingerprint,
            preset=self._space.preset,
            dim=self._space.dim,
            seq=seq,
            created_at=datetime.datetime.now(datetime.UTC),
            build_seconds=0,
            segments=tuple(segments),
        )
        background = {
            part: tuple(tally.sample.tolist()) for part, tally in tallies.by_modality.items()
        }
        return Record(manifest=manifest, index_type=self._index_type, background=background)

    def _segment(self, tally: Tally, lists: int) -> SegmentManifest:
        return SegmentManifest(
            modality=tally.modality,
            index_type="exact" if self._index_type == "FLAT" else "milvus",
            views=tally.views,
            products=tally.products,
            files=(),
            factory=self._index_type,
            lists=lists,
            why=f"{tally.views} views in Milvus, index type {self._index_type}",
            background=len(tally.sample),
        )

    def _tuned(self, name: str, draft: Record, tallies: Tallies) -> Record:
        collection = RemoteCollection(
            self._connection, name, self._names, draft, seconds=BUILD_SECONDS
        )
        segments = tuple(
            tuned_segment(
                collection, segment, tallies.by_modality[segment.modality], self._recall_target
            )
            for segment in draft.manifest.segments
        )
        return draft.model_copy(
            update={"manifest": draft.manifest.model_copy(update={"segments": segments})}
        )
