"""What every index backend offers, so that callers know none of them.

`BaseIndexReader`, `FaissIndexBuilder` and `MilvusIndexBuilder` implement these protocols; the
contract tests run on all backends. Errors come from search/errors.py; a server that does not answer
is `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.manifest import Manifest
from search.vectors.status import IndexStatus


class IndexReader(Protocol):
    """Searches the live generation and the delta of one space and tenant.

    Safe to use from many threads. Open one per process, after any fork. The caller's loop runs in
    one thread at a time (a swap between reading the changes and applying them could lower `seq`)
    and reads the latest seq before the changes:

        index.swap_if_published()
        index.refresh(changes_since(index.seq), latest_seq)
    """

    @property
    def space(self) -> Space: ...

    @property
    def seq(self) -> int:
        """Every change up to this one is applied; the caller reloads those above it."""

    def swap_if_published(self) -> int | None:
        """Take over a generation that was published, or rolled back to, since the last call.

        Returns None when nothing was taken over, else the seq from which the caller must reload
        changes. That is the new `seq`: not lower than before after a build, lower after a rollback.
        Until that reload, a rolled back index answers as the older generation did. While another
        thread swaps, returns None at once. A generation that cannot be used is refused, the former
        one stays, and `status().fault` says why.
        """

    def refresh(self, changes: Iterable[ProductViews], seq: int) -> int:
        """Apply changes, in any order, as one step, and remember `seq`, which never goes back here.

        Returns how many were applied: a change that the generation or a newer change already
        includes is skipped, so that overlapping windows do no harm.

        Raises InvalidVectors, and QueryError for a seq below 1; then nothing was applied.
        """

    def search(
        self,
        queries: Vectors,
        modality: Modality,
        k: int,
        allowed_products: Ids | None = None,
        *,
        query_modality: Modality | None = None,
        nprobe: int | None = None,
    ) -> list[Candidates]:
        """Find the best k views for each query, shape (q, dim) or (dim,).

        Returns one Candidates per query with exactly min(k, eligible views) rows, best first, ties
        by ascending view id. `allowed_products` is strictly ascending; empty allows nothing, None
        everything. The index is tuned for queries of each modality: `query_modality` picks the
        setting, None the most careful one. `nprobe` overrides how many inverted lists are scanned.

        Raises QueryError (k, nprobe, filter) and InvalidVectors (dimension, NaN, zero, not a unit
        vector).
        """

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Score every view of these products exactly for one query, shape (dim,).

        Returns one Candidates per modality that has any, in the order of Modality, best first.
        Products come in any order; unknown ones are ignored.

        Raises InvalidVectors, and QueryError where the ids are not one row of integers.
        """

    def background(self, modality: Modality) -> Vectors:
        """Return a fixed sample of up to 256 views, shape (b, dim), to normalise scores with.

        It is the generation's; while that is smaller, it is filled up from the delta. Empty when
        there are no views.
        """

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """Return the product's views, one batch per modality that has any."""

    def count(self, modality: Modality | None = None) -> int:
        """Return the number of searchable views, of one modality or of all."""

    def status(self) -> IndexStatus:
        """Return sizes, age, index types, recall, delta and fault."""


class IndexBuilder(Protocol):
    """Builds generations of one space and tenant, one builder at a time."""

    def build(
        self,
        batches: Iterable[ViewBatch],
        seq: int,
        tuning_queries: Mapping[Modality, Vectors] | None = None,
    ) -> Manifest:
        """Write, verify and publish a generation; the live one stays whatever is raised.

        Search parameters are tuned on `tuning_queries`, by modality; where there are none, on a
        sample of the views.

        Raises BuildInProgress, InvalidVectors, Unavailable (no room, server down),
        CorruptGeneration.
        """
