"""Turn row stores into segments: choose the index type, build it, and measure its recall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import faiss

from search.errors import CorruptGeneration
from search.types import Modality, Vectors
from search.vectors.calibration import CalibrationQueries, write_queries
from search.vectors.faiss.checkpoints import Checkpoints, TrainedLists, finished_name, trained_name
from search.vectors.faiss.filter_tuning import tune_filtered
from search.vectors.faiss.library import write_index
from search.vectors.faiss.segment import FaissSegment
from search.vectors.faiss.training import TrainedIndex, fill, measure_fit, threads_for, train
from search.vectors.faiss.tuning import answer_exactly, reaches, tune
from search.vectors.index_types import IndexPlan, IndexTypeSettings, choose_index_types
from search.vectors.manifest import SegmentManifest, check_file
from search.vectors.store import (
    BACKGROUND_SIZE,
    CALIBRATION,
    INDEX,
    INDEX_PARTS,
    STORE_PARTS,
    RowStore,
    segment_file,
)

MAX_DRIFT = 0.02
"""Lists whose fit is worse by more than this share are trained anew."""


class PreviousSegments:
    """The segments of the live generation, whose trained lists may be reused."""

    def __init__(self, folder: Path | None, segments: Mapping[Modality, SegmentManifest]) -> None:
        self._folder = folder
        self._segments = segments

    def load_trained(
        self, modality: Modality, plan: IndexPlan, store: RowStore
    ) -> TrainedIndex | None:
        """Return the segment's lists, emptied.

        None where the index type differs, the views have drifted, or the file is damaged.
        """
        previous = self._segments.get(modality)
        if (
            self._folder is None
            or previous is None
            or previous.factory != plan.factory
            or previous.trained_in is None
        ):
            return None
        path = segment_file(self._folder, modality, INDEX)
        try:
            entry = next(entry for entry in previous.files if entry.name == path.name)
            check_file(self._folder, entry)
        except CorruptGeneration:
            return None
        index = faiss.read_index(str(path))
        index.reset()
        drift = 1 - measure_fit(index, store) / previous.trained_fit
        if drift > MAX_DRIFT:
            return None
        return TrainedIndex(index, previous.trained_in, previous.trained_fit)


class SegmentBuilder:
    """Writes the segments of one generation into its folder; resumes where a killed builder was."""

    def __init__(
        self,
        folder: Path,
        dim: int,
        index_types: IndexTypeSettings,
        generation: int,
        previous: PreviousSegments,
    ) -> None:
        self._folder = folder
        self._dim = dim
        self._index_types = index_types
        self._generation = generation
        self._previous = previous
        self._checkpoints = Checkpoints(folder)

    def build(
        self,
        modality: Modality,
        store: RowStore,
        products: int,
        queries: Mapping[Modality, Vectors],
    ) -> SegmentManifest:
        """Build one segment over the rows in the folder. Raises OSError when the disk is full.

        1. Choose index types by size, those that the previous generation was trained for first.
        2. Train the lists, or reuse trained ones; fill them with all rows.
        3. Tune the search parameters on the queries, and measure the recall.
        4. Where the recall misses the target, try the next index type, in the end exact search.
        5. Write the queries beside the lists, and a checkpoint.
        """
        finished = self._checkpoints.read_finished(modality)
        if finished is not None:
            return finished
        draft = SegmentManifest(
            modality=modality,
            index_type="exact",
            views=len(store),
            products=products,
            files=(),
            why="",
            background=min(len(store), BACKGROUND_SIZE),
        )
        built = self._build_first_sufficient(draft, store, queries)
        self._checkpoints.write(finished_name(modality), built)
        return built

    def _build_first_sufficient(
        self, draft: SegmentManifest, store: RowStore, queries: Mapping[Modality, Vectors]
    ) -> SegmentManifest:
        plans = choose_index_types(len(store), self._dim, self._index_types)
        target = self._index_types.recall_target
        missed, calibration = "", None
        for plan, reused in self._order_plans(draft.modality, store, plans):
            if plan.index_type == "exact":
                break
            calibration = calibration or answer_exactly(store, queries)
            trained = reused or self._train(draft.modality, store, plan)
            built = self._fill_and_tune(draft, store, plan, trained, calibration)
            if reaches(built.tuned, target):
                write_queries(segment_file(self._folder, draft.modality, CALIBRATION), calibration)
                return self._finish(built, f"{plan.reason}{missed}", (*STORE_PARTS, *INDEX_PARTS))
            missed += f"; {plan.factory} reached recall {built.recall:.3f}, below {target}"
        segment_file(self._folder, draft.modality, INDEX).unlink(missing_ok=True)
        return self._finish(draft, f"{plan.reason}{missed}", STORE_PARTS)

    def _order_plans(
        self, modality: Modality, store: RowStore, plans: Sequence[IndexPlan]
    ) -> Iterator[tuple[IndexPlan, TrainedIndex | None]]:
        """Yield plans with lists to reuse first: others missed the recall in the last build."""
        for plan in plans:
            reused = self._previous.load_trained(modality, plan, store)
            if reused is not None:
                yield plan, reused
        for plan in plans:
            yield plan, None

    def _train(self, modality: Modality, store: RowStore, plan: IndexPlan) -> TrainedIndex:
        """Train lists, or load those that a killed builder trained."""
        name = trained_name(modality, plan.factory)
        path = self._folder / f"{name}.trained"
        known = self._checkpoints.read_trained(modality, plan.factory)
        if known is not None:
            return TrainedIndex(faiss.read_index(str(path)), known.trained_in, known.trained_fit)
        trained = train(store, plan, self._generation)
        write_index(trained.index, path)
        checkpoint = TrainedLists(
            factory=plan.factory,
            trained_in=trained.trained_in,
            trained_fit=trained.trained_fit,
            file=self._checkpoints.describe_file(path),
        )
        self._checkpoints.write(f"{name}.checkpoint", checkpoint)
        return trained

    def _fill_and_tune(
        self,
        draft: SegmentManifest,
        store: RowStore,
        plan: IndexPlan,
        trained: TrainedIndex,
        calibration: Mapping[Modality, CalibrationQueries],
    ) -> SegmentManifest:
        target, threads = self._index_types.recall_target, threads_for(len(store))
        fill(trained.index, store)
        write_index(trained.index, segment_file(self._folder, draft.modality, INDEX))
        built = draft.model_copy(
            update={
                "index_type": plan.index_type,
                "factory": plan.factory,
                "lists": plan.lists,
                "trained_in": trained.trained_in,
                "trained_fit": trained.trained_fit,
                "fit": measure_fit(trained.index, store),
            }
        )
        segment = FaissSegment(self._folder, built, self._dim, threads)
        tuned = built.model_copy(update={"tuned": tune(segment, calibration, target)})
        segment = FaissSegment(self._folder, tuned, self._dim, threads)
        filtered = tune_filtered(segment, calibration, target)
        return tuned.model_copy(update={"filtered": filtered})

    def _finish(
        self, draft: SegmentManifest, reason: str, parts: tuple[str, ...]
    ) -> SegmentManifest:
        """Return the manifest with the reason and the checksums of the files."""
        paths = [segment_file(self._folder, draft.modality, part) for part in parts]
        files = tuple(self._checkpoints.describe_file(path) for path in paths)
        return draft.model_copy(update={"why": reason, "files": files})
