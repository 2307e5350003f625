"""Vector storage and search: immutable FAISS segments, published generations, and a delta of
what is newer.
"""

from search.vectors.changes import ProductViews
from search.vectors.faiss.builder import GenerationBuilder
from search.vectors.faiss.reader import VectorIndex
from search.vectors.generations import (
    GenerationInfo,
    list_generations,
    live_generation,
    rollback,
    verify,
)
from search.vectors.index_types import ShapeSettings
from search.vectors.layout import index_root
from search.vectors.manifest import FileEntry, Manifest, SegmentManifest
from search.vectors.status import IndexStatus, SegmentStatus

__all__ = [
    "FileEntry",
    "GenerationBuilder",
    "GenerationInfo",
    "IndexStatus",
    "Manifest",
    "ProductViews",
    "SegmentManifest",
    "SegmentStatus",
    "ShapeSettings",
    "VectorIndex",
    "index_root",
    "list_generations",
    "live_generation",
    "rollback",
    "verify",
]
