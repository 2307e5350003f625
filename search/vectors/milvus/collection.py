"""One generation's collection in Milvus: queries and searches over its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from search.types import Ids, Modality, Vectors
from search.vectors.milvus.connection import ANSWER_SECONDS, Connection
from search.vectors.milvus.metadata import Metadata
from search.vectors.milvus.naming import PARTITION_KEY, VECTOR, Names, product_in
from search.vectors.milvus.result_rows import FIELDS, ResultRows
from search.vectors.milvus.schema import max_limit_of, search_params

MAX_ANSWER_BYTES = 64 << 20
"""Most bytes of vectors in one answer; a server refuses 100 MB
(quotaAndLimits.limits.maxOutputSize)."""

PRODUCT_BATCH_SIZE = 1_000
"""Products requested in one query."""

COUNT = "count(*)"

Entities = list[dict[str, Any]]
ConvertedT = TypeVar("ConvertedT")


@dataclass(frozen=True, slots=True)
class MilvusCollection:
    """The rows of a generation.

    They never change once published, so reads use Milvus's weakest consistency. `seconds` is the
    time limit of one request.
    """

    connection: Connection
    name: str
    names: Names
    metadata: Metadata
    seconds: float = ANSWER_SECONDS

    @property
    def dim(self) -> int:
        return self.metadata.manifest.dim

    @property
    def max_limit(self) -> int:
        """Largest limit of one search or query."""
        return min(max_limit_of(self.metadata.index_type), MAX_ANSWER_BYTES // (4 * self.dim))

    def query(self, expression: str, limit: int, fields: Sequence[str]) -> Entities:
        """Return up to `limit` rows that match, in any order."""
        found = self.connection(
            "query",
            self.name,
            filter=expression,
            output_fields=list(fields),
            limit=limit,
            seconds=self.seconds,
        )
        return list(found)

    def count(self, expression: str) -> int:
        """Return how many rows match."""
        (row,) = self.connection(
            "query", self.name, filter=expression, output_fields=[COUNT], seconds=self.seconds
        )
        return int(row[COUNT])

    def fetch_rows(self, expression: str, limit: int) -> ResultRows:
        """Return up to `limit` rows that match, with their vectors."""
        return ResultRows.from_entities(self.query(expression, limit, FIELDS), self.dim)

    def query_products(self, part: str, product_ids: Ids, fields: Sequence[str]) -> Entities:
        """Return every row of these products in the partitions that the expression `part` names."""
        return [
            entity
            for entities in self._query_pieces(part, product_ids, fields)
            for entity in entities
        ]

    def _query_pieces(
        self, part: str, product_ids: Ids, fields: Sequence[str]
    ) -> Iterator[Entities]:
        """Query some products at a time; halve a piece whose answer may have been cut off."""
        pieces = [
            product_ids[at : at + PRODUCT_BATCH_SIZE]
            for at in range(0, len(product_ids), PRODUCT_BATCH_SIZE)
        ]
        while pieces:
            piece = pieces.pop()
            found = self.query(part + product_in(piece), self.max_limit, fields)
            if len(found) < self.max_limit or len(piece) == 1:
                yield found
            else:
                pieces += [piece[: len(piece) // 2], piece[len(piece) // 2 :]]

    def search(
        self, queries: Vectors, limit: int, expression: str, nprobe: int
    ) -> list[ResultRows]:
        """Return the rows that the index ranks best for each query (q, dim), at most `limit`."""
        found: list[ResultRows] = []
        batch_size = max(1, MAX_ANSWER_BYTES // (4 * self.dim * limit))
        for start in range(0, len(queries), batch_size):
            answers = self.connection(
                "search",
                self.name,
                list(queries[start : start + batch_size]),
                filter=expression,
                limit=limit,
                anns_field=VECTOR,
                output_fields=FIELDS,
                search_params=search_params(self.metadata.index_type, limit, nprobe),
                seconds=self.seconds,
            )
            for hits in answers:
                entities = [hit["entity"] for hit in hits]
                found.append(ResultRows.from_entities(entities, self.dim))
        return found


def group_by_modality(
    entities: Entities, names: Names, convert: Callable[[Entities], ConvertedT]
) -> dict[Modality, ConvertedT]:
    """Convert the rows of each partition; modalities without any are left out."""
    found: dict[Modality, ConvertedT] = {}
    for modality in Modality:
        own = [entity for entity in entities if entity[PARTITION_KEY] == names.part(modality)]
        if own:
            found[modality] = convert(own)
    return found
