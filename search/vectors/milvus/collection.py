"""One generation's collection in Milvus: queries and searches over its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from search.types import Ids, Modality, Vectors
from search.vectors.milvus.connection import ANSWER_SECONDS, Connection
from search.vectors.milvus.metadata import Record
from search.vectors.milvus.naming import PARTITION_KEY, VECTOR, Names, among
from search.vectors.milvus.result_rows import FIELDS, FetchedRows
from search.vectors.milvus.schema import most_returned, search_params

ANSWER_BYTES = 64 << 20
"""Most bytes of vectors in one answer; a server refuses 100 MB
(quotaAndLimits.limits.maxOutputSize)."""

PIECE_OF_PRODUCTS = 1_000
"""Products asked for in one query."""

COUNT = "count(*)"

Entities = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RemoteCollection:
    """Rows of a published generation never change, so reads need no more than Milvus's weakest
    consistency.

    `seconds` is the time limit of one request.
    """

    connection: Connection
    name: str
    names: Names
    record: Record
    seconds: float = ANSWER_SECONDS

    @property
    def dim(self) -> int:
        return self.record.manifest.dim

    @property
    def most(self) -> int:
        """Largest limit of one search or query."""
        return min(most_returned(self.record.index_type), ANSWER_BYTES // (4 * self.dim))

    def query(self, expression: str, limit: int, fields: Sequence[str]) -> Entities:
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
        """How many rows match."""
        (row,) = self.connection(
            "query", self.name, filter=expression, output_fields=[COUNT], seconds=self.seconds
        )
        return int(row[COUNT])

    def rows(self, expression: str, limit: int) -> FetchedRows:
        return FetchedRows.of(self.query(expression, limit, FIELDS), self.dim)

    def of_products(self, part: str, product_ids: Ids, fields: Sequence[str]) -> Entities:
        """Every row of these products in the partitions that the expression `part` names."""
        return [entity for piece in self._pieces(part, product_ids, fields) for entity in piece]

    def _pieces(self, part: str, product_ids: Ids, fields: Sequence[str]) -> Iterator[Entities]:
        """A piece that comes back full may have been cut off, and is halved."""
        pieces = [
            product_ids[at : at + PIECE_OF_PRODUCTS]
            for at in range(0, len(product_ids), PIECE_OF_PRODUCTS)
        ]
        while pieces:
            piece = pieces.pop()
            found = self.query(part + among(piece), self.most, fields)
            if len(found) < self.most or len(piece) == 1:
                yield found
            else:
                pieces += [piece[: len(piece) // 2], piece[len(piece) // 2 :]]

    def search(
        self, queries: Vectors, limit: int, expression: str, nprobe: int
    ) -> list[FetchedRows]:
        """The rows that the index ranks best for each query (q, dim), at most `limit`."""
        found: list[FetchedRows] = []
        group = max(1, ANSWER_BYTES // (4 * self.dim * limit))
        for start in range(0, len(queries), group):
            answers = self.connection(
                "search",
                self.name,
                list(queries[start : start + group]),
                filter=expression,
                limit=limit,
                anns_field=VECTOR,
                output_fields=FIELDS,
                search_params=search_params(self.record.index_type, limit, nprobe),
                seconds=self.seconds,
            )
            found += [FetchedRows.of([hit["entity"] for hit in hits], self.dim) for hits in answers]
        return found


def by_modality(
    entities: Entities, names: Names, convert: Callable[[Entities], Any]
) -> dict[Modality, Any]:
    """Rows sorted out by their partition; modalities without any are left out."""
    found: dict[Modality, Any] = {}
    for modality in Modality:
        own = [entity for entity in entities if entity[PARTITION_KEY] == names.part(modality)]
        if own:
            found[modality] = convert(own)
    return found
