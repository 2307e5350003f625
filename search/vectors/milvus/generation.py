"""A published generation in Milvus, opened: its metadata, segments and background samples."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from search.errors import CorruptGeneration
from search.types import Ids, Modality, Space
from search.vectors.manifest import Manifest
from search.vectors.milvus.collection import MilvusCollection, group_by_modality
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.metadata import read_metadata
from search.vectors.milvus.naming import PARTITION_KEY, Names, row_in
from search.vectors.milvus.result_rows import FIELDS, ResultRows
from search.vectors.milvus.segment import MilvusSegment


class MilvusGeneration:
    """An immutable generation. Holds no vectors but the background samples."""

    def __init__(self, collection: MilvusCollection) -> None:
        """Fetch the background samples. Raises CorruptGeneration when rows are missing."""
        self._collection = collection
        self.manifest: Manifest = collection.metadata.manifest
        self.segments: Mapping[Modality, MilvusSegment] = {
            part.modality: MilvusSegment(collection, part) for part in self.manifest.segments
        }
        self.background = {modality: self._fetch_sample(modality) for modality in self.segments}

    @classmethod
    def open(
        cls, connection: Connection, name: str, names: Names, space: Space
    ) -> MilvusGeneration:
        """Open a collection. Raises CorruptGeneration, Unavailable."""
        metadata = read_metadata(connection, name, space)
        return cls(MilvusCollection(connection, name, names, metadata))

    @property
    def name(self) -> str:
        return self._collection.name

    def _fetch_sample(self, modality: Modality) -> ResultRows:
        wanted = self._collection.metadata.background.get(modality, ())
        part = self._collection.names.part_is(modality)
        found = self._collection.fetch_rows(
            part + row_in(np.array(wanted, np.int64)), max(1, len(wanted))
        )
        if len(found) != len(wanted):
            raise CorruptGeneration(
                f"{self.name} has lost rows of its background sample", value=len(found)
            )
        order = np.lexsort((found.product_ids, found.view_ids))
        return ResultRows(found.view_ids[order], found.product_ids[order], found.stored[order])

    def fetch_products(self, product_ids: Ids) -> dict[Modality, ResultRows]:
        """Return every view of these products, by modality."""
        entities = self._collection.query_products(
            self._any_part, product_ids, [PARTITION_KEY, *FIELDS]
        )
        convert = functools.partial(ResultRows.from_entities, dim=self._collection.dim)
        return group_by_modality(entities, self._collection.names, convert)

    def count_views(self, product_ids: Ids) -> dict[Modality, int]:
        """Return how many views these products have, by modality."""
        entities = self._collection.query_products(self._any_part, product_ids, [PARTITION_KEY])
        return group_by_modality(entities, self._collection.names, len)

    @property
    def _any_part(self) -> str:
        return self._collection.names.part_is_any()
