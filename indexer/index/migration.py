"""Moves the index to another backend: builds it there from the stored embeddings, while search
goes on in this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from search.config import EngineSettings, IndexBackend, engine_settings
from search.errors import ConfigError, CorruptGeneration
from search.types import Candidates, Modality, Space, Vectors, ViewBatch
from search.vectors.backends import make_builder, open_generations, open_index
from search.vectors.contract import IndexReader
from search.vectors.manifest import Manifest
from webapp.catalog.selectors.embeddings import (
    get_changes_since,
    get_index_sequence,
    stream_visible_views,
)
from webapp.retrieval.models_runtime import active_space

ROW_BYTES = 24
"""Of a row beside its vector: three numbers."""

QUERIES = 50
"""ContentViews of each modality asked for in both."""

ANSWERS = 10

TOLERANCE = 1e-5
"""Scores of two backends may differ by so much."""

LEAST_AGREEMENT = 0.9
"""Each backend is tuned to its own recall target, so not all of the answers need to be the same."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`held` counts the generations that the target has already; `bytes` is what the vectors
    take there.
    """

    source: EngineSettings
    target: EngineSettings
    space: Space
    views: int
    bytes: int
    held: int


@dataclass(frozen=True, slots=True)
class Report:
    """`agreement`: of the best answers of the target, the share that score at least as the
    source's last.
    """

    views: int
    queries: int
    agreement: float


def migration_plan(to: IndexBackend) -> Plan:
    """Raises ConfigError when `to` is in use or not set up, Unavailable when its server is away."""
    source, space = engine_settings(), active_space()
    if to == source.index_backend:
        raise ConfigError("this backend is in use already", value=to)
    target = source.model_copy(update={"index_backend": to})
    held = len(open_generations(target, space).list_all())
    index = open_index(source, space)
    _bring_up_to_date(space, index)
    views = index.count()
    return Plan(source, target, space, views, views * (4 * space.dim + ROW_BYTES), held)


def migration_build(plan: Plan, built: Callable[[int], object]) -> Manifest:
    """Build and publish in the target; `built` is told how many views more were read.

    Raises BuildInProgress, InvalidVectors, Unavailable.
    """
    seq = get_index_sequence()
    return make_builder(plan.target, plan.space).build(
        _counted(stream_visible_views(space=plan.space), built), seq
    )


def _counted(batches: Iterator[ViewBatch], built: Callable[[int], object]) -> Iterator[ViewBatch]:
    for batch in batches:
        yield batch
        built(len(batch))


def migration_check(plan: Plan) -> Report:
    """Compare both backends as of now. Raises CorruptGeneration when they differ."""
    # A reader makes up for a damaged generation from the database: look at what was built itself.
    open_generations(plan.target, plan.space).verify()
    source, target = open_index(plan.source, plan.space), open_index(plan.target, plan.space)
    _bring_up_to_date(plan.space, source, target)
    for modality in Modality:
        if source.count(modality) != target.count(modality):
            raise CorruptGeneration(
                f"{plan.source.index_backend} holds {source.count(modality)} views of {modality}",
                value=target.count(modality),
                fix="Migrate again.",
            )
    agreements = [
        agreement for modality in Modality for agreement in _agreements(source, target, modality)
    ]
    agreement = float(np.mean(agreements)) if agreements else 1.0
    if agreement < LEAST_AGREEMENT:
        raise CorruptGeneration(
            "the two backends answer differently", value=agreement, fix="Migrate again."
        )
    return Report(target.count(), len(agreements), agreement)


def _bring_up_to_date(space: Space, *indexes: IndexReader) -> None:
    """The same changes for all, so that what changes meanwhile is in all of them or in none."""
    changes, seq = get_changes_since(space=space, seq=min(index.seq for index in indexes))
    if seq:
        for index in indexes:
            index.refresh(changes, seq)


def _agreements(source: IndexReader, target: IndexReader, modality: Modality) -> Iterator[float]:
    """Of every sampled query of any modality, for views of this one."""
    if not source.count(modality):
        return
    for asked in Modality:
        queries: Vectors = source.background(asked)[:QUERIES]
        if len(queries):
            answers = [
                index.search(queries, modality, ANSWERS, query_modality=asked)
                for index in (source, target)
            ]
            yield from (_agreement(first, second) for first, second in zip(*answers, strict=True))


def _agreement(first: Candidates, second: Candidates) -> float:
    return float(np.mean(second.scores >= first.scores[-1] - TOLERANCE))
