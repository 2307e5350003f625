"""Turn staged rows into segments: choose the shape by size, build it, and measure what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search.types import Modality, Vectors
from search.vectors.manifest import FileEntry, SegmentManifest, file_sha256
from search.vectors.segment import Segment
from search.vectors.staging import StagedSegment
from search.vectors.store import BACKGROUND_SIZE, INDEX, PARTS, RowStore, segment_file
from search.vectors.training import (
    RECALL_TARGET,
    TRAINABLE,
    build_coarse,
    build_exact,
    factory_for,
    list_count,
    sample_queries,
    tune,
    write_index,
)


class SegmentBuilder:
    """Writes the segments of one generation into its folder."""

    def __init__(self, folder: Path, dim: int, exact_up_to: int) -> None:
        self._folder = folder
        self._dim = dim
        self._exact_up_to = exact_up_to

    def build(self, staged: Sequence[StagedSegment]) -> tuple[SegmentManifest, ...]:
        """Write all segments. Raises OSError when the disk is full."""
        counts = {part.modality: part.write_store() for part in staged}
        stores = {
            modality: RowStore(self._folder, modality, views, self._dim) for modality, (views, _) in counts.items()
        }
        # Any modality may be the query, and each meets a segment from another side.
        query_sets = [sample_queries(store) for store in stores.values()]
        return tuple(
            self._build_one(modality, stores[modality], counts[modality][1], query_sets) for modality in sorted(stores)
        )

    def _build_one(
        self, modality: Modality, store: RowStore, products: int, query_sets: Sequence[Vectors]
    ) -> SegmentManifest:
        views = len(store)
        draft = SegmentManifest(
            modality=modality, shape="exact", views=views, products=products, files=(), why="",
            background=min(views, BACKGROUND_SIZE),
        )  # fmt: skip
        limit = max(self._exact_up_to, TRAINABLE)
        if views <= limit:
            return self._exact(draft, store, f"{views} views, exact up to {limit}")
        built = self._coarse(draft, store, query_sets)
        if built.recall is not None and built.recall < RECALL_TARGET:
            why = f"{built.factory} reached recall {built.recall:.3f} at best, below {RECALL_TARGET}"
            return self._exact(draft, store, why)
        return built

    def _exact(self, draft: SegmentManifest, store: RowStore, why: str) -> SegmentManifest:
        write_index(build_exact(store, self._dim), self._index_path(draft))
        return self._finish(draft.model_copy(update={"why": why, "recall": 1.0}))

    def _coarse(self, draft: SegmentManifest, store: RowStore, query_sets: Sequence[Vectors]) -> SegmentManifest:
        factory = factory_for(len(store), self._dim)
        write_index(build_coarse(store, self._dim, factory), self._index_path(draft))
        coarse = draft.model_copy(update={"shape": "ivf_pq", "factory": factory, "lists": list_count(len(store))})
        reached = tune(Segment(self._folder, coarse, self._dim), query_sets)
        why = f"{len(store)} views, more than {self._exact_up_to}; cheapest parameters with recall {RECALL_TARGET}"
        return self._finish(
            coarse.model_copy(
                update={
                    "why": why,
                    "nprobe": reached.nprobe,
                    "refine": reached.refine,
                    "recall": reached.recall,
                    "recall_queries": reached.queries,
                }
            )
        )

    def _index_path(self, draft: SegmentManifest) -> Path:
        return segment_file(self._folder, draft.modality, INDEX)

    def _finish(self, draft: SegmentManifest) -> SegmentManifest:
        files = []
        for part in PARTS:
            path = segment_file(self._folder, draft.modality, part)
            files.append(FileEntry(name=path.name, bytes=path.stat().st_size, sha256=file_sha256(path)))
        return draft.model_copy(update={"files": tuple(files)})
