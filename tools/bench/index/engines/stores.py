"""Vector databases that run in the process or as its child."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from search.types import Ids, Modality, Vectors
from tools.bench.index.engines.base import (
    FACTORS,
    Engine,
    Ladder,
    Setting,
    pad_rows,
    parameter_ladder,
)

TABLE = "views"


class LanceDb(Engine):
    """LanceDB with IVF-PQ and re-scoring."""

    name = "LanceDB"
    package = "lancedb"
    module = "lancedb"
    licence = "Apache-2.0"
    slow = True

    def about(self) -> str:
        return f"IVF_PQ, {self.lists} partitions, {self._codes} sub-vectors, re-scored"

    @property
    def _codes(self) -> int:
        return max(1, self.dataset.spec.dim // 8)

    def build(self) -> None:
        import lancedb
        import pyarrow
        from lancedb.index import IvfPq

        dim = self.dataset.spec.dim
        schema = pyarrow.schema(
            [("id", pyarrow.int64()), ("vector", pyarrow.list_(pyarrow.float32(), dim))]
        )

        def batches() -> Iterator[pyarrow.RecordBatch]:
            for start, block in self.dataset.blocks():
                vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(block.ravel()), dim)
                yield pyarrow.record_batch(
                    [pyarrow.array(np.arange(start, start + len(block))), vectors], schema
                )

        table = lancedb.connect(self.folder).create_table(TABLE, batches(), schema=schema)
        table.create_index(
            "vector",
            config=IvfPq(
                distance_type="dot", num_partitions=self.lists, num_sub_vectors=self._codes
            ),
        )

    def open(self) -> None:
        import lancedb

        self._table = lancedb.connect(self.folder).open_table(TABLE)
        self._setting: Setting = {}

    def ladders(self) -> list[Ladder]:
        return [
            parameter_ladder("nprobes", maximum=self.lists, refine_factor=factor)
            for factor in FACTORS[2:]
        ]

    def apply(self, setting: Setting) -> None:
        self._setting = setting

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return [self._one(query, k) for query in queries]

    def _one(self, query: Vectors, k: int) -> list[int]:
        builder = self._table.search(query).nprobes(self._setting["nprobes"])
        table = (
            builder.refine_factor(self._setting["refine_factor"])
            .select(["id", "_distance"])
            .limit(k)
            .to_arrow()
        )
        ids: list[int] = table["id"].to_pylist()
        return ids

    def rows(self, answer: Any, k: int) -> Ids:
        return pad_rows(answer, k)


INDEX_EXISTS = 35
"""Error code of Milvus."""


class MilvusLite(Engine):
    """Milvus Lite with HNSW."""

    name = "milvus-lite"
    package = "milvus-lite"
    module = "pymilvus"
    licence = "Apache-2.0"
    slow = True

    def about(self) -> str:
        return "HNSW, M 16, efConstruction 200"

    def _client(self) -> Any:
        from pymilvus import MilvusClient

        return MilvusClient(self._path)

    @property
    def _path(self) -> str:
        return str(self.folder / "milvus.db")

    def _release(self, client: Any) -> None:
        """Close a client and its server, which the client itself leaves running."""
        from milvus_lite.server_manager import server_manager_instance

        client.close()
        server_manager_instance.release_server(self._path)

    def build(self) -> None:
        client = self._client()
        client.create_collection(
            TABLE, dimension=self.dataset.spec.dim, metric_type="IP", auto_id=False
        )
        for start, block in self.dataset.blocks():
            for at in range(0, len(block), 2048):
                rows = [
                    {"id": start + at + number, "vector": vector}
                    for number, vector in enumerate(block[at : at + 2048])
                ]
                client.insert(TABLE, rows)
        client.flush(TABLE)
        client.release_collection(TABLE)
        client.drop_index(TABLE, "vector")
        index = client.prepare_index_params()
        index.add_index(
            "vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 200}
        )
        self._create_index(client, index)
        client.load_collection(TABLE)
        self._release(client)

    def _create_index(self, client: Any, index: Any) -> None:
        """Create an index; the server drops a slow client, whose retry finds the index created."""
        from pymilvus import MilvusException

        try:
            client.create_index(TABLE, index)
        except MilvusException as error:
            if error.code != INDEX_EXISTS:
                raise

    def open(self) -> None:
        self._served = self._client()
        self._served.load_collection(TABLE)
        self._setting: Setting = {}

    def close(self) -> None:
        self._release(self._served)

    def ladders(self) -> list[Ladder]:
        return [parameter_ladder("ef", minimum=12)]

    def apply(self, setting: Setting) -> None:
        self._setting = setting

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return self._served.search(
            TABLE, list(queries), limit=k, search_params={"params": self._setting}
        )

    def rows(self, answer: Any, k: int) -> Ids:
        return pad_rows([[hit["id"] for hit in hits] for hits in answer], k)


class QdrantLocal(Engine):
    """Qdrant in local mode: exact search."""

    name = "qdrant local"
    package = "qdrant-client"
    module = "qdrant_client"
    licence = "Apache-2.0"
    slow = True

    def about(self) -> str:
        return "exact scan in numpy, filled when opened"

    def build(self) -> None:
        """Do nothing: on disk Qdrant commits each view alone, which takes hours; use memory."""

    def open(self) -> None:
        from qdrant_client import QdrantClient, models

        self._served = QdrantClient(":memory:")
        self._served.create_collection(
            TABLE,
            vectors_config=models.VectorParams(
                size=self.dataset.spec.dim, distance=models.Distance.DOT
            ),
        )
        for start, block in self.dataset.blocks():
            self._served.upload_collection(
                TABLE, vectors=block, ids=range(start, start + len(block))
            )

    def close(self) -> None:
        self._served.close()

    def search(self, queries: Vectors, k: int, kind: Modality) -> Any:
        return [
            self._served.query_points(TABLE, query=query, limit=k, with_payload=False).points
            for query in queries
        ]

    def rows(self, answer: Any, k: int) -> Ids:
        return pad_rows([[point.id for point in points] for points in answer], k)
