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
from search.vectors.milvus.build_stats import (
    BuildStats,
    StreamStats,
    holdout_views,
    sample_queries,
)
from search.vectors.milvus.collection import MilvusCollection
from search.vectors.milvus.connection import BUILD_SECONDS, CHANGE_SECONDS, Connection
from search.vectors.milvus.generations import MilvusGenerations
from search.vectors.milvus.metadata import Metadata, write_metadata
from search.vectors.milvus.naming import PARTITION_KEY, PRODUCT_ID, ROW, VECTOR, VIEW_ID, Names
from search.vectors.milvus.schema import (
    LISTED_TYPES,
    PARTITIONS,
    BuiltIndexType,
    collection_schema,
    count_lists,
    index_params,
    resolve_index_type,
)
from search.vectors.milvus.tuning import tune_segment
from search.vectors.scoring import round_to_fp16
from search.vectors.validation import check_batch, check_queries

MAX_INSERT_BYTES = 8 << 20
"""Vectors sent in one insertion; a server takes messages of up to 64 MiB."""


class MilvusIndexBuilder:
    """An `IndexBuilder` over Milvus.

    The live generation and the one before it stay loaded, the other `keep` - 2 stay stored for a
    rollback.
    """

    def __init__(
        self,
        connection: Connection,
        lock: Layout,
        space: Space,
        *,
        tenant: str = "",
        index_type: MilvusIndexType = "auto",
        recall_target: float = 0.97,
        keep: int = 3,
    ) -> None:
        """`lock` is a folder that all builders share. Raises ConfigError."""
        if keep < 1:
            raise ConfigError("at least one generation must be kept", value=keep)
        self._connection = connection
        self._lock = lock
        self._space = space
        self._names = Names.of(space, tenant)
        self._generations = MilvusGenerations(connection, space, tenant=tenant)
        self._index_type: BuiltIndexType = resolve_index_type(index_type, connection)
        self._recall_target = recall_target
        self._keep = keep

    def build(
        self,
        batches: Iterable[ViewBatch],
        seq: int,
        tuning_queries: Mapping[Modality, Vectors] | None = None,
    ) -> Manifest:
        """Write, verify and publish a generation; see `FaissIndexBuilder.build` for the stream.

        1. Take the build lock, drop what killed builders left, and free memory on the server.
        2. Create a collection and insert the stream, collecting counts and exact answers.
        3. Flush, index and load the collection, and tune the search parameters.
        4. Verify: count the rows of every modality.
        5. Write the metadata and move the alias, which publishes.
        6. Drop generations that no rollback can reach.

        Memory holds one insertion at a time. Raises BuildInProgress, InvalidVectors, Unavailable
        when the server does not answer or is full, CorruptGeneration when it holds other counts
        than were sent. The live generation stays whatever is raised, and the new collection is
        dropped, by the next build if not by this one.
        """
        if seq < 0:
            raise QueryError("seq must not be negative", value=seq)
        queries = check_queries(tuning_queries, self._space.dim)
        with self._lock.build_lock():
            self._generations.drop_unfinished()
            self._generations.unload_all_but_live()
            number = max(self._generations.numbers(), default=0) + 1
            with self._new_collection(number) as name:
                started = time.monotonic()
                stats = self._insert_stream(name, batches, queries)
                metadata = self._index_and_tune(name, number, seq, stats, started)
                self._generations.check_counts(name, metadata.manifest)
                write_metadata(self._connection, name, metadata)
                self._generations.set_live(number)
            self._generations.prune(self._keep)
        return metadata.manifest

    @contextlib.contextmanager
    def _new_collection(self, number: int) -> Iterator[str]:
        """Create a collection; drop it again unless the block succeeds."""
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
        succeeded = False
        try:
            yield name
            succeeded = True
        finally:
            if not succeeded:
                self._connection("drop_collection", name, seconds=CHANGE_SECONDS)

    def _insert_stream(
        self, name: str, batches: Iterable[ViewBatch], queries: Mapping[Modality, Vectors]
    ) -> StreamStats:
        held, stream = holdout_views(check_batch(batch, self._space.dim) for batch in batches)
        stats = StreamStats(sample_queries(held) | dict(queries))
        step = max(1, MAX_INSERT_BYTES // (4 * self._space.dim))
        for batch in stream:
            for at in range(0, len(batch), step):
                cut = slice(at, at + step)
                piece = ViewBatch(
                    batch.modality, batch.view_ids[cut], batch.product_ids[cut], batch.vectors[cut]
                )
                self._insert(name, piece, stats.add(piece))
        return stats

    def _insert(self, name: str, batch: ViewBatch, rows: Ids) -> None:
        part = self._names.part(batch.modality)
        columns = zip(
            rows.tolist(),
            batch.view_ids.tolist(),
            batch.product_ids.tolist(),
            round_to_fp16(batch.vectors),
            strict=True,
        )
        entities = [
            {
                ROW: row,
                PARTITION_KEY: part,
                VIEW_ID: view_id,
                PRODUCT_ID: product_id,
                VECTOR: vector,
            }
            for row, view_id, product_id, vector in columns
        ]
        self._connection("insert", name, entities, seconds=BUILD_SECONDS)

    def _index_and_tune(
        self, name: str, number: int, seq: int, stats: StreamStats, started: float
    ) -> Metadata:
        self._connection("flush", name, seconds=BUILD_SECONDS)
        params = index_params(self._index_type, stats.rows, self._space.dim)
        self._connection("create_index", name, params, seconds=BUILD_SECONDS)
        self._connection("load_collection", name, seconds=BUILD_SECONDS)
        draft = self._draft_metadata(number, seq, stats)
        segments = self._tune(name, draft, stats)
        seconds = round(time.monotonic() - started, 3)
        manifest = draft.manifest.model_copy(
            update={"segments": segments, "build_seconds": seconds}
        )
        return draft.model_copy(update={"manifest": manifest})

    def _draft_metadata(self, number: int, seq: int, stats: StreamStats) -> Metadata:
        lists = count_lists(stats.rows, self._space.dim) if self._index_type in LISTED_TYPES else 0
        segments = [
            self._draft_segment(stats.by_modality[modality], lists)
            for modality in sorted(stats.by_modality)
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
            modality: tuple(part.sample.tolist()) for modality, part in stats.by_modality.items()
        }
        return Metadata(manifest=manifest, index_type=self._index_type, background=background)

    def _draft_segment(self, stats: BuildStats, lists: int) -> SegmentManifest:
        return SegmentManifest(
            modality=stats.modality,
            index_type="exact" if self._index_type == "FLAT" else "milvus",
            views=stats.views,
            products=stats.products,
            files=(),
            factory=self._index_type,
            lists=lists,
            why=f"{stats.views} views in Milvus, index type {self._index_type}",
            background=len(stats.sample),
        )

    def _tune(self, name: str, draft: Metadata, stats: StreamStats) -> tuple[SegmentManifest, ...]:
        collection = MilvusCollection(
            self._connection, name, self._names, draft, seconds=BUILD_SECONDS
        )
        return tuple(
            tune_segment(
                collection, segment, stats.by_modality[segment.modality], self._recall_target
            )
            for segment in draft.manifest.segments
        )
