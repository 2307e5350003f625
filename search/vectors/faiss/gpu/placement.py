"""Which shape a segment gets on a GPU."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import faiss

from search.config import GpuIndexType
from search.types import Modality
from search.vectors.calibration import TELLABLE, Questions, read_questions
from search.vectors.faiss.gpu import cuvs
from search.vectors.faiss.gpu.contract import Gpu, OnGpu
from search.vectors.faiss.gpu.graph import GraphOnGpu
from search.vectors.faiss.gpu.lists import ListsOnGpu
from search.vectors.faiss.gpu.rows import RowsOnGpu
from search.vectors.manifest import SegmentManifest
from search.vectors.store import QUESTIONS, RowStore, segment_file

logger = logging.getLogger(__name__)

PREFERRED: Mapping[GpuIndexType, tuple[GpuIndexType, ...]] = {
    "auto": ("exact", "ivf_pq"),
    "exact": ("exact",),
    "ivf_pq": ("ivf_pq", "exact"),
    "cagra": ("cagra", "exact"),
}


def placed(
    gpu: Gpu, folder: Path, store: RowStore, manifest: SegmentManifest, lists: faiss.Index | None
) -> OnGpu | None:
    """The segment on the GPU, in the first preferred shape that there is room for and that finds
    enough; None where the processor has to search it. What was preferred in vain is logged, with
    the reason.
    """
    place = _Placing(gpu, folder, store, manifest, lists)
    found, missed = None, []
    # What is small enough to be scanned by a processor is scanned here too, whatever is preferred.
    for shape in PREFERRED["exact" if lists is None else gpu.shape]:
        outcome = place.attempt(shape)
        if not isinstance(outcome, str):
            found = outcome
            break
        missed.append(f"{shape}: {outcome}")
    if missed:
        where = f"are searched on the GPU as {found.shape}" if found else "stay with the processor"
        logger.warning("%s vectors %s; %s", manifest.modality.value, where, "; ".join(missed))
    return found


@dataclass(frozen=True, slots=True)
class _Placing:
    """One segment and the GPU it is to be put on."""

    gpu: Gpu
    folder: Path
    store: RowStore
    manifest: SegmentManifest
    lists: faiss.Index | None

    def attempt(self, shape: GpuIndexType) -> OnGpu | str:
        """The segment in this shape, or why not."""
        try:
            if shape == "exact":
                return self._rows()
            return self._lists() if shape == "ivf_pq" else self._graph()
        except RuntimeError as error:  # what FAISS and torch raise for a GPU that fails or is full
            return str(error)

    def _rows(self) -> OnGpu | str:
        halves = self.store.halves(slice(None))
        if not cuvs.has_room(self.gpu.device, halves.nbytes):
            return _no_room(halves.nbytes)
        return RowsOnGpu(self.store, self.gpu.device)

    def _lists(self) -> OnGpu | str:
        if self.lists is None or not cuvs.is_ivf_pq(self.lists):
            return "it has no codes that a GPU can search; its builder makes them with OMNISHELF_INDEX_GPU_SHAPE=ivf_pq"
        wanted = cuvs.list_bytes(self.lists)
        reason = self._unfit(wanted)
        if reason:
            return reason
        found = ListsOnGpu(
            self.gpu.device, self.store, self.manifest, self.lists, self._questions()
        )
        return _enough(found, self.manifest.recall)

    def _graph(self) -> OnGpu | str:
        reason = self._unfit(cuvs.graph_bytes(len(self.store), self.store.dim))
        if reason:
            return reason
        found = GraphOnGpu(self.gpu.device, self.store, self._questions(), self.gpu.recall_target)
        return _enough(found, self.gpu.recall_target)

    def _unfit(self, wanted: int) -> str:
        """Why nothing of cuVS, which takes so many bytes, can be put there; empty where it can."""
        if not cuvs.is_supported(self.gpu.device):
            return "this build of FAISS has no cuVS"
        if not cuvs.has_room(self.gpu.device, wanted):
            return _no_room(wanted)
        if all(entry.name != self._kept.name for entry in self.manifest.files):
            return "its builder kept no questions to measure recall with; build it again"
        return ""

    @property
    def _kept(self) -> Path:
        return segment_file(self.folder, self.manifest.modality, QUESTIONS)

    def _questions(self) -> dict[Modality, Questions]:
        return read_questions(self._kept, self.store.dim)


def _enough(found: OnGpu, target: float) -> OnGpu | str:
    if found.recall >= target - TELLABLE:
        return found
    return f"recall is {found.recall:.3f} there, below {target:.3f}"


def _no_room(wanted: int) -> str:
    return f"the GPU has no room for {wanted >> 20} MiB"
