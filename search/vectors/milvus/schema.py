"""Schema of a generation's collection: fields, index parameters, search parameters.

Parameter names and limits: https://milvus.io/docs/index-vector-fields.md and
https://milvus.io/docs/gpu_index.md.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from pymilvus import CollectionSchema, DataType, MilvusClient
from pymilvus.milvus_client.index import IndexParams

from search.config import MilvusIndexType
from search.errors import ConfigError
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.naming import PARTITION_KEY, PRODUCT_ID, ROW, VECTOR, VIEW_ID

BuiltIndexType = Literal["FLAT", "IVF_FLAT", "IVF_PQ", "AUTOINDEX", "GPU_IVF_PQ", "GPU_CAGRA"]

LISTED_TYPES = frozenset({"IVF_FLAT", "IVF_PQ", "GPU_IVF_PQ"})
"""Index types with inverted lists."""

LITE_TYPES = frozenset({"FLAT", "IVF_FLAT", "AUTOINDEX"})

MAX_LIMIT = 16_384
MAX_LIMIT_GPU = 1_024
"""Largest limit of one search."""

PARTITIONS = 8
"""Partitions that the values of the partition key are hashed to: one for each modality, and spare
ones against collisions."""

SEGMENT_BYTES = 1 << 30
"""Size at which Milvus seals a segment; each segment has its own index."""

MAX_NAME_BYTES = 128

MIN_ITOPK = 64


def resolve_index_type(wanted: MilvusIndexType, connection: Connection) -> BuiltIndexType:
    """Return the index type to build. Raises ConfigError for one that milvus-lite lacks."""
    if wanted == "auto":
        return "FLAT" if connection.is_lite else "IVF_PQ"
    if connection.is_lite and wanted not in LITE_TYPES:
        raise ConfigError(
            "milvus-lite has no such index",
            value=wanted,
            fix=f"Choose one of {', '.join(sorted(LITE_TYPES))}.",
        )
    return wanted


def max_limit_of(index_type: BuiltIndexType) -> int:
    """Return the largest limit of one search."""
    return MAX_LIMIT_GPU if index_type.startswith("GPU_") else MAX_LIMIT


def collection_schema(dim: int) -> CollectionSchema:
    """Return the fields of a generation's rows."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(ROW, DataType.INT64, is_primary=True)
    schema.add_field(
        PARTITION_KEY, DataType.VARCHAR, max_length=MAX_NAME_BYTES, is_partition_key=True
    )
    schema.add_field(VIEW_ID, DataType.INT64)
    schema.add_field(PRODUCT_ID, DataType.INT64)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dim)
    return schema


def count_lists(views: int, dim: int) -> int:
    """Return 4√n inverted lists for the n views of one segment of Milvus."""
    in_segment = min(views, SEGMENT_BYTES // (4 * dim))
    return max(1, min(65_536, round(4 * math.sqrt(in_segment))))


def count_sub_vectors(dim: int) -> int:
    """Return the 8-bit sub-quantisers of a product quantiser: one for about four dimensions."""
    return next(count for count in range(max(1, dim // 4), 0, -1) if dim % count == 0)


def index_params(index_type: BuiltIndexType, views: int, dim: int) -> IndexParams:
    params = MilvusClient.prepare_index_params()
    params.add_index(
        VECTOR,
        index_type=index_type,
        metric_type="IP",
        params=_build_params(index_type, views, dim),
    )
    params.add_index(PRODUCT_ID, index_type="INVERTED")
    return params


def _build_params(index_type: BuiltIndexType, views: int, dim: int) -> dict[str, Any]:
    if index_type == "GPU_CAGRA":
        return {"intermediate_graph_degree": 64, "graph_degree": 32}
    if index_type not in LISTED_TYPES:
        return {}
    lists = {"nlist": count_lists(views, dim)}
    return lists if index_type == "IVF_FLAT" else {**lists, "m": count_sub_vectors(dim), "nbits": 8}


def search_params(index_type: BuiltIndexType, limit: int, nprobe: int) -> dict[str, Any]:
    """Return parameters of one search for `limit` rows in `nprobe` lists, where there are any."""
    if index_type in LISTED_TYPES:
        return {"metric_type": "IP", "params": {"nprobe": nprobe}}
    if index_type == "GPU_CAGRA":
        return {
            "metric_type": "IP",
            "params": {"itopk_size": max(MIN_ITOPK, 32 * math.ceil(limit / 32))},
        }
    return {"metric_type": "IP", "params": {}}
