"""A published generation in Milvus, opened: its record, its segments, its background samples."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from search.errors import CorruptGeneration
from search.types import Ids, Modality, Space
from search.vectors.manifest import Manifest
from search.vectors.milvus.collection import RemoteCollection, by_modality
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.metadata import read_record
from search.vectors.milvus.naming import PARTITION_KEY, Names, rows_listed
from search.vectors.milvus.result_rows import FIELDS, FetchedRows
from search.vectors.milvus.segment import RemoteSegment


class RemoteGeneration:
    """Immutable, like the files of a local one; holds no vectors but the background samples."""

    def __init__(self, collection: RemoteCollection) -> None:
        """Fetches the samples. Raises CorruptGeneration when they are not there."""
        self._collection = collection
        self.manifest: Manifest = collection.record.manifest
        self.segments: Mapping[Modality, RemoteSegment] = {
            part.modality: RemoteSegment(collection, part) for part in self.manifest.segments
        }
        self.background = {modality: self._sample(modality) for modality in self.segments}

    @classmethod
    def open(
        cls, connection: Connection, name: str, names: Names, space: Space
    ) -> RemoteGeneration:
        """Raises CorruptGeneration, Unavailable."""
        return cls(RemoteCollection(connection, name, names, read_record(connection, name, space)))

    @property
    def name(self) -> str:
        return self._collection.name

    def _sample(self, modality: Modality) -> FetchedRows:
        wanted = self._collection.record.background.get(modality, ())
        part = self._collection.names.in_part(modality)
        found = self._collection.rows(
            part + rows_listed(np.array(wanted, np.int64)), max(1, len(wanted))
        )
        if len(found) != len(wanted):
            raise CorruptGeneration(
                f"{self.name} has lost rows of its background sample", value=len(found)
            )
        order = np.lexsort((found.product_ids, found.view_ids))
        return FetchedRows(found.view_ids[order], found.product_ids[order], found.stored[order])

    def of_products(self, product_ids: Ids) -> dict[Modality, FetchedRows]:
        """Every view of these products, by modality."""
        entities = self._collection.of_products(
            self._any_part, product_ids, [PARTITION_KEY, *FIELDS]
        )
        convert = functools.partial(FetchedRows.of, dim=self._collection.dim)
        return by_modality(entities, self._collection.names, convert)

    def count_of(self, product_ids: Ids) -> dict[Modality, int]:
        """How many views these products have, by modality."""
        entities = self._collection.of_products(self._any_part, product_ids, [PARTITION_KEY])
        return by_modality(entities, self._collection.names, len)

    @property
    def _any_part(self) -> str:
        return self._collection.names.in_any_part()
