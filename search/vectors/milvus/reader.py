"""The index reader over Milvus: the live generation on the server, the delta in memory."""

from __future__ import annotations

from search.errors import CorruptGeneration
from search.types import Space
from search.vectors.base_reader import BaseIndexReader
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.generation import MilvusGeneration
from search.vectors.milvus.naming import Names
from search.vectors.milvus.snapshot import MilvusSnapshot


class MilvusIndexReader(BaseIndexReader[MilvusSnapshot, MilvusGeneration]):
    """An `IndexReader` over one tenant's generations in Milvus.

    A snapshot names a collection that never changes. Every method that sends a request raises
    Unavailable when the server does not answer, or when the generation in use was dropped, until
    the next `swap_if_published`.
    """

    def __init__(self, connection: Connection, space: Space, *, tenant: str = "") -> None:
        """Open the live generation, or none: then the delta alone is searched, from seq 0 on."""
        super().__init__(space, MilvusSnapshot(space.dim))
        self._connection = connection
        self._names = Names.of(space, tenant)
        self.swap_if_published()

    def _open_published(self) -> MilvusGeneration | None:
        """Open the collection that the alias points to, if it changed (one small request)."""
        name = self._connection.resolve_alias(self._names.alias)
        current = self._snapshot.generation
        if name is None or (current is not None and current.name == name):
            return None
        try:
            generation = MilvusGeneration.open(self._connection, name, self._names, self.space)
        except CorruptGeneration as error:
            self._fault = str(error)
            return None
        self._fault = None
        return generation
