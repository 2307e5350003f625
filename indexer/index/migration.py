"""Build the index in another backend from the stored embeddings, while this one serves."""

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
"""Of a row besides its vector: three numbers."""

SAMPLE_QUERIES = 50
"""Sampled views per modality that both backends search for."""

TOP = 10

TOLERANCE = 1e-5
"""Two backends may differ by so much in a score."""

MIN_AGREEMENT = 0.9
"""Each backend is tuned to its own recall target, so their results need not all agree."""


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What a migration would do.

    `held` counts the generations that the target already has; `bytes` is the size of the vectors.
    """

    source: EngineSettings
    target: EngineSettings
    space: Space
    views: int
    bytes: int
    held: int


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """The comparison of both backends.

    `agreement` is the share of the target's results that score at least as the source's last one.
    """

    views: int
    queries: int
    agreement: float


def plan_migration(to: IndexBackend) -> MigrationPlan:
    """Plan a migration.

    Raises ConfigError when `to` is in use or not set up, Unavailable when its server is down.
    """
    source, space = engine_settings(), active_space()
    if to == source.index_backend:
        raise ConfigError("this backend is in use already", value=to)
    target = source.model_copy(update={"index_backend": to})
    held = len(open_generations(target, space).list_all())
    index = open_index(source, space)
    _refresh(space, index)
    views = index.count()
    return MigrationPlan(source, target, space, views, views * (4 * space.dim + ROW_BYTES), held)


def build_migrated(plan: MigrationPlan, built: Callable[[int], object]) -> Manifest:
    """Build and publish in the target. `built` is called with the number of views of each batch.

    Raises BuildInProgress, InvalidVectors, Unavailable.
    """
    seq = get_index_sequence()
    return make_builder(plan.target, plan.space).build(
        _report_batches(stream_visible_views(space=plan.space), built), seq
    )


def _report_batches(
    batches: Iterator[ViewBatch], built: Callable[[int], object]
) -> Iterator[ViewBatch]:
    for batch in batches:
        yield batch
        built(len(batch))


def check_migration(plan: MigrationPlan) -> MigrationReport:
    """Compare both backends. Raises CorruptGeneration when they differ."""
    # A reader replaces a damaged generation from the database, so the build itself is verified.
    open_generations(plan.target, plan.space).verify()
    source, target = open_index(plan.source, plan.space), open_index(plan.target, plan.space)
    _refresh(plan.space, source, target)
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
    if agreement < MIN_AGREEMENT:
        raise CorruptGeneration(
            "the two backends answer differently", value=agreement, fix="Migrate again."
        )
    return MigrationReport(target.count(), len(agreements), agreement)


def _refresh(space: Space, *indexes: IndexReader) -> None:
    """Apply the same changes to all, so that a concurrent change is in all of them or in none."""
    changes, seq = get_changes_since(space=space, seq=min(index.seq for index in indexes))
    if seq:
        for index in indexes:
            index.refresh(changes, seq)


def _agreements(source: IndexReader, target: IndexReader, modality: Modality) -> Iterator[float]:
    """Yield the agreement of each sampled query, for views of this modality."""
    if not source.count(modality):
        return
    for query_modality in Modality:
        queries: Vectors = source.background(query_modality)[:SAMPLE_QUERIES]
        if len(queries):
            results = [
                index.search(queries, modality, TOP, query_modality=query_modality)
                for index in (source, target)
            ]
            yield from (_agreement(first, second) for first, second in zip(*results, strict=True))


def _agreement(first: Candidates, second: Candidates) -> float:
    return float(np.mean(second.scores >= first.scores[-1] - TOLERANCE))
