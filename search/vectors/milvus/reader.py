"""The reader over Milvus: the live generation there, the delta here."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterable

import numpy as np

from search.errors import CorruptGeneration, InvalidVectors
from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.generation import RemoteGeneration
from search.vectors.milvus.naming import Names
from search.vectors.milvus.segment import RemoteSegment
from search.vectors.milvus.snapshot import RemoteSnapshot
from search.vectors.status import IndexStatus, SegmentStatus
from search.vectors.validation import check_change, check_filter, check_positive, check_vectors


class MilvusIndexReader:
    """An `IndexReader` over one tenant's generations in Milvus.

    A search sees one consistent snapshot: the collection it names is never changed. Every method
    that asks the server raises Unavailable when it is away or when the generation in use is
    gone, until the next `swap_if_published`.
    """

    def __init__(self, connection: Connection, space: Space, *, tenant: str = "") -> None:
        self.space = space
        self._connection = connection
        self._names = Names.of(space, tenant)
        self._writing = threading.Lock()
        self._swapping = threading.Lock()
        self._snapshot = RemoteSnapshot(space.dim)
        self._fault: str | None = None
        self.swap_if_published()

    @property
    def seq(self) -> int:
        """Every change up to this one is applied; the caller reloads those above it."""
        return self._snapshot.seq

    def refresh(self, changes: Iterable[ProductViews], seq: int) -> int:
        """Apply changes as one step; see `FaissIndexReader.refresh`."""
        checked = sorted(
            (check_change(change, self.space.dim) for change in changes),
            key=lambda change: change.seq,
        )
        with self._writing:
            newest = {
                change.product_id: change for change in checked if not self._snapshot.covers(change)
            }
            self._snapshot = self._snapshot.applied(newest, seq)
        return len(newest)

    def swap_if_published(self) -> int | None:
        """Take over the generation that the alias points to; see
        `FaissIndexReader.swap_if_published`. One small request.
        """
        if not self._swapping.acquire(blocking=False):
            return None
        try:
            name = self._connection.collection_of(self._names.alias)
            current = self._snapshot.generation
            if name is None or (current is not None and current.name == name):
                return None
            generation = self._opened(name)
            return None if generation is None else self._take_over(generation)
        finally:
            self._swapping.release()

    def _opened(self, name: str) -> RemoteGeneration | None:
        try:
            generation = RemoteGeneration.open(self._connection, name, self._names, self.space)
        except CorruptGeneration as error:
            self._fault = str(error)
            return None
        self._fault = None
        return generation

    def _take_over(self, generation: RemoteGeneration) -> int:
        with self._writing:
            self._snapshot = self._snapshot.swapped(generation)
            return self._snapshot.seq

    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed_products: Ids | None = None,
        *,
        query_modality: Modality | None = None,
        nprobe: int | None = None,
    ) -> list[Candidates]:
        """The best k views for each query; see `IndexReader.search`."""
        wanted = check_positive(k, "k")
        lists = None if nprobe is None else check_positive(nprobe, "nprobe")
        allowed = None if allowed_products is None else check_filter(allowed_products)
        return self._snapshot.search(
            check_vectors(queries, self.space.dim), modality, wanted, allowed, query_modality, lists
        )

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Exact scores of every view of these products for one query; see
        `IndexReader.score_products`.
        """
        checked = check_vectors(query, self.space.dim)
        if len(checked) != 1:
            raise InvalidVectors("one query is scored at a time", value=np.shape(query))
        return self._snapshot.score_products(checked[0], check_filter(np.unique(product_ids)))

    def background(self, modality: Modality) -> Vectors:
        """A fixed sample of up to 256 views, shape (b, dim); fetched when the generation was
        taken over.
        """
        return self._snapshot.background(modality)

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """The product's views, one batch per modality that has any."""
        return self._snapshot.get_views(product_id)

    def count(self, modality: Modality | None = None) -> int:
        """Searchable views, of one modality or of all. Asks nobody."""
        snapshot = self._snapshot
        return sum(snapshot.count(part) for part in (Modality if modality is None else [modality]))

    def status(self) -> IndexStatus:
        """Sizes, age, shapes, recall, delta and fault."""
        snapshot = self._snapshot
        manifest = snapshot.generation.manifest if snapshot.generation else None
        created = manifest.created_at if manifest else None
        segments = snapshot.generation.segments.values() if snapshot.generation else ()
        return IndexStatus(
            space=self.space.fingerprint,
            preset=self.space.preset,
            dim=self.space.dim,
            seq=snapshot.seq,
            generation=manifest.number if manifest else None,
            generation_seq=snapshot.generation_seq,
            created_at=created,
            age_s=(datetime.datetime.now(datetime.UTC) - created).total_seconds()
            if created
            else None,
            segments=tuple(_segment_status(segment, snapshot) for segment in segments),
            delta_products=len(snapshot.changed),
            delta_views=sum(part.live_rows.size for part in snapshot.delta.values()),
            views=self.count(),
            fault=self._fault,
        )


def _segment_status(segment: RemoteSegment, snapshot: RemoteSnapshot) -> SegmentStatus:
    manifest = segment.manifest
    return SegmentStatus(
        modality=manifest.modality,
        index_type=manifest.index_type,
        views=manifest.views,
        superseded=snapshot.superseded.get(manifest.modality, 0),
        bytes=manifest.bytes,
        recall=manifest.recall,
        nprobe=manifest.nprobe,
        drift=manifest.drift,
        why=manifest.why,
    )
