"""Turn row stores into segments: choose the shape, build it, and measure what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import faiss

from search.errors import CorruptGeneration
from search.types import Modality, Vectors
from search.vectors.calibration import Questions, write_questions
from search.vectors.faiss.checkpoints import Checkpoints, TrainedLists, finished_name, trained_name
from search.vectors.faiss.filter_tuning import tune_filtered
from search.vectors.faiss.segment import Segment
from search.vectors.faiss.training import Trained, fill, fit_of, threads_for, train, write_index
from search.vectors.faiss.tuning import asked_of, reaches, tune
from search.vectors.index_types import IndexTypeSettings, Plan, choose_index_types
from search.vectors.manifest import SegmentManifest, check_file
from search.vectors.store import (
    BACKGROUND_SIZE,
    INDEX,
    LIST_PARTS,
    QUESTIONS,
    ROW_PARTS,
    RowStore,
    segment_file,
)

MOST_DRIFT = 0.02
"""Lists that fit the views by so much worse than those they were trained on are trained anew."""


class Former:
    """The segments of the live generation: their trained lists serve again while the views still
    fit them.
    """

    def __init__(self, folder: Path | None, segments: Mapping[Modality, SegmentManifest]) -> None:
        self._folder = folder
        self._segments = segments

    def trained(self, modality: Modality, plan: Plan, store: RowStore) -> Trained | None:
        """Its lists, emptied; None where the shape is another, the views have drifted away, or a
        file is damaged.
        """
        former = self._segments.get(modality)
        if (
            self._folder is None
            or former is None
            or former.factory != plan.factory
            or former.trained_in is None
        ):
            return None
        path = segment_file(self._folder, modality, INDEX)
        try:
            check_file(
                self._folder, next(entry for entry in former.files if entry.name == path.name)
            )
        except CorruptGeneration:
            return None
        index = faiss.read_index(str(path))
        index.reset()
        drift = 1 - fit_of(index, store) / former.trained_fit
        return None if drift > MOST_DRIFT else Trained(index, former.trained_in, former.trained_fit)


class SegmentBuilder:
    """Writes the segments of one generation into its folder, going on where a killed builder
    stopped.
    """

    def __init__(
        self, folder: Path, dim: int, shapes: IndexTypeSettings, generation: int, former: Former
    ) -> None:
        self._folder = folder
        self._dim = dim
        self._shapes = shapes
        self._generation = generation
        self._former = former
        self._checkpoints = Checkpoints(folder)

    def build(
        self,
        modality: Modality,
        store: RowStore,
        products: int,
        questions: Mapping[Modality, Vectors],
    ) -> SegmentManifest:
        """One segment over rows that lie in the folder. Raises OSError when the disk is full."""
        finished = self._checkpoints.finished(modality)
        if finished is not None:
            return finished
        draft = SegmentManifest(
            modality=modality, index_type="exact", views=len(store), products=products, files=(), why="",
            background=min(len(store), BACKGROUND_SIZE),
        )  # fmt: skip
        built = self._best(draft, store, questions)
        self._checkpoints.write(finished_name(modality), built)
        return built

    def _best(
        self, draft: SegmentManifest, store: RowStore, questions: Mapping[Modality, Vectors]
    ) -> SegmentManifest:
        plans = choose_index_types(len(store), self._dim, self._shapes)
        missed, asked = "", None
        # What the generation before was trained for comes first: plans before that one missed the
        # recall then.
        for plan, trained in (
            *self._former_plans(draft.modality, store, plans),
            *((plan, None) for plan in plans),
        ):
            if plan.index_type == "exact":
                break
            asked = asked or asked_of(store, questions)
            lists = trained or self._trained(draft.modality, store, plan)
            built = self._filled(draft, store, plan, lists, asked)
            if reaches(built.tuned, self._shapes.recall_target):
                write_questions(segment_file(self._folder, draft.modality, QUESTIONS), asked)
                return self._finish(
                    built.model_copy(update={"why": f"{plan.why}{missed}"}),
                    (*ROW_PARTS, *LIST_PARTS),
                )
            missed += f"; {plan.factory} reached recall {built.recall:.3f}, below {self._shapes.recall_target}"
        segment_file(self._folder, draft.modality, INDEX).unlink(missing_ok=True)
        return self._finish(draft.model_copy(update={"why": f"{plan.why}{missed}"}), ROW_PARTS)

    def _former_plans(
        self, modality: Modality, store: RowStore, plans: Sequence[Plan]
    ) -> Iterator[tuple[Plan, Trained]]:
        """Those plans whose lists the former generation has, trained."""
        for plan in plans:
            trained = self._former.trained(modality, plan, store)
            if trained is not None:
                yield plan, trained

    def _trained(self, modality: Modality, store: RowStore, plan: Plan) -> Trained:
        name = trained_name(modality, plan.factory)
        path = self._folder / f"{name}.trained"
        known = self._checkpoints.trained(modality, plan.factory)
        if known is not None:
            return Trained(faiss.read_index(str(path)), known.trained_in, known.trained_fit)
        trained = train(store, plan, self._generation)
        write_index(trained.index, path)
        self._checkpoints.write(
            f"{name}.checkpoint",
            TrainedLists(
                factory=plan.factory,
                trained_in=trained.trained_in,
                trained_fit=trained.trained_fit,
                file=self._checkpoints.entry(path),
            ),
        )
        return trained

    def _filled(
        self,
        draft: SegmentManifest,
        store: RowStore,
        plan: Plan,
        trained: Trained,
        asked: Mapping[Modality, Questions],
    ) -> SegmentManifest:
        fill(trained.index, store)
        write_index(trained.index, segment_file(self._folder, draft.modality, INDEX))
        built = draft.model_copy(
            update={
                "index_type": plan.index_type,
                "factory": plan.factory,
                "lists": plan.lists,
                "trained_in": trained.trained_in,
                "trained_fit": trained.trained_fit,
                "fit": fit_of(trained.index, store),
            }
        )
        segment = Segment(self._folder, built, self._dim, threads_for(len(store)))
        tuned = built.model_copy(update={"tuned": tune(segment, asked, self._shapes.recall_target)})
        segment = Segment(self._folder, tuned, self._dim, threads_for(len(store)))
        filtered = tune_filtered(segment, asked, self._shapes.recall_target)
        return tuned.model_copy(update={"filtered": filtered})

    def _finish(self, draft: SegmentManifest, parts: tuple[str, ...]) -> SegmentManifest:
        paths = [segment_file(self._folder, draft.modality, part) for part in parts]
        return draft.model_copy(
            update={"files": tuple(self._checkpoints.entry(path) for path in paths)}
        )
