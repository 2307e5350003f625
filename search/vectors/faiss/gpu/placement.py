"""Choose how a segment is searched on a GPU, by its room and the recall measured there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import faiss

from search.config import GpuIndexType
from search.types import Modality
from search.vectors.calibration import MIN_RECALL_GAP, CalibrationQueries, read_queries
from search.vectors.faiss.gpu import cuvs
from search.vectors.faiss.gpu.approximate import GpuGraph, GpuLists
from search.vectors.faiss.gpu.contract import GpuIndex, GpuSettings
from search.vectors.faiss.gpu.rows import GpuRows
from search.vectors.manifest import SegmentManifest
from search.vectors.store import CALIBRATION, RowStore, segment_file

logger = logging.getLogger(__name__)

PREFERENCES: Mapping[GpuIndexType, tuple[GpuIndexType, ...]] = {
    "auto": ("exact", "ivf_pq"),
    "exact": ("exact",),
    "ivf_pq": ("ivf_pq", "exact"),
    "cagra": ("cagra", "exact"),
}


def choose_gpu_index(
    gpu: GpuSettings,
    folder: Path,
    store: RowStore,
    manifest: SegmentManifest,
    lists: faiss.Index | None,
) -> GpuIndex | None:
    """Put the segment on the GPU as the first preferred index type that fits and has the recall.

    Returns None where the processor has to search it. Index types that failed are logged, with the
    reason. A segment that the processor scans (`lists` is None) is scanned on the GPU too.
    """
    placement = GpuPlacement(gpu, folder, store, manifest, lists)
    chosen: GpuIndex | None = None
    failures = []
    for index_type in PREFERENCES["exact" if lists is None else gpu.index_type]:
        outcome = placement.attempt(index_type)
        if not isinstance(outcome, str):
            chosen = outcome
            break
        failures.append(f"{index_type}: {outcome}")
    if failures:
        where = (
            f"are searched on the GPU as {chosen.index_type}"
            if chosen
            else "stay with the processor"
        )
        logger.warning("%s vectors %s; %s", manifest.modality.value, where, "; ".join(failures))
    return chosen


@dataclass(frozen=True, slots=True)
class GpuPlacement:
    """One segment and the GPU that shall hold it."""

    gpu: GpuSettings
    folder: Path
    store: RowStore
    manifest: SegmentManifest
    lists: faiss.Index | None

    def attempt(self, index_type: GpuIndexType) -> GpuIndex | str:
        """Return the segment on the GPU as this index type, or why that failed."""
        try:
            if index_type == "exact":
                return self._place_rows()
            return self._place_lists() if index_type == "ivf_pq" else self._place_graph()
        except RuntimeError as error:  # raised by FAISS and torch when a GPU fails or is full
            return str(error)

    def _place_rows(self) -> GpuIndex | str:
        size = self.store.fp16_vectors(slice(None)).nbytes
        if not cuvs.has_room(self.gpu.device, size):
            return _no_room(size)
        return GpuRows(self.store, self.gpu.device)

    def _place_lists(self) -> GpuIndex | str:
        if self.lists is None or not cuvs.is_ivf_pq(self.lists):
            return (
                "it has no codes that a GPU can search; build it with "
                "OMNISHELF_INDEX_GPU_SHAPE=ivf_pq"
            )
        obstacle = self._find_obstacle(cuvs.list_bytes(self.lists))
        if obstacle:
            return obstacle
        placed = GpuLists(
            self.gpu.device, self.store, self.manifest, self.lists, self._read_queries()
        )
        return _check_recall(placed, self.manifest.recall)

    def _place_graph(self) -> GpuIndex | str:
        obstacle = self._find_obstacle(cuvs.graph_bytes(len(self.store), self.store.dim))
        if obstacle:
            return obstacle
        target = self.gpu.recall_target
        placed = GpuGraph(self.gpu.device, self.store, self._read_queries(), target)
        return _check_recall(placed, target)

    def _find_obstacle(self, wanted: int) -> str:
        """Return why an index of cuVS of `wanted` bytes cannot be placed; empty if it can."""
        if not cuvs.is_supported(self.gpu.device):
            return "this build of FAISS has no cuVS"
        if not cuvs.has_room(self.gpu.device, wanted):
            return _no_room(wanted)
        if all(entry.name != self._queries_file.name for entry in self.manifest.files):
            return "it has no calibration queries to measure recall with; build it again"
        return ""

    @property
    def _queries_file(self) -> Path:
        return segment_file(self.folder, self.manifest.modality, CALIBRATION)

    def _read_queries(self) -> dict[Modality, CalibrationQueries]:
        return read_queries(self._queries_file, self.store.dim)


def _check_recall(placed: GpuIndex, target: float) -> GpuIndex | str:
    if placed.recall >= target - MIN_RECALL_GAP:
        return placed
    return f"recall is {placed.recall:.3f} there, below {target:.3f}"


def _no_room(wanted: int) -> str:
    return f"the GPU has no room for {wanted >> 20} MiB"
