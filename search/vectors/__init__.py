"""Vector storage and search: immutable FAISS segments, published generations, and a delta of what is newer."""

from search.vectors.admin import GenerationInfo, list_generations, live_generation, rollback, verify
from search.vectors.builder import GenerationBuilder
from search.vectors.changes import ProductViews
from search.vectors.index import VectorIndex
from search.vectors.layout import index_root
from search.vectors.manifest import FileEntry, Manifest, SegmentManifest
from search.vectors.shapes import ShapeSettings
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
