"""What every index backend offers, so that whoever searches or builds knows none of them.

`FaissIndexReader` and `FaissIndexBuilder` (FAISS files) and `MilvusIndexReader` and `MilvusIndexBuilder` fulfil
these by structure; the tests of the contract run on all of them. Errors come from
search/errors.py; a server that is away is `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from search.types import Candidates, Ids, Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.manifest import Manifest
from search.vectors.status import IndexStatus


class IndexReader(Protocol):
    """The live generation and the delta of one space and tenant. Safe to use from many threads;
    one per process.

    The caller's loop, run by one thread at a time, with the latest seq read before the changes:

        index.swap_if_published()
        index.refresh(get_changes_since(index.seq), latest_seq)
    """

    @property
    def space(self) -> Space: ...

    @property
    def seq(self) -> int:
        """Every change up to this one is applied; the caller reloads those above it."""

    def swap_if_published(self) -> int | None:
        """Take over a generation published, or rolled back to, since the last look.

        Returns None when nothing was taken over, else the seq from which changes must be reloaded.
        """

    def refresh(self, changes: Iterable[ProductViews], seq: int) -> int:
        """Apply changes as one step, and remember `seq`. Returns how many were new.

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
        """The best k views for each query, shape (q, dim) or (dim,): exactly min(k, eligible
        views), best first.

        `query_modality` is the modality of the query, which picks the tuned parameters; None picks the
        most careful ones. Raises QueryError (k, nprobe, filter) and InvalidVectors (dimension,
        NaN, zero, not a unit vector).
        """

    def score_products(self, query: Vectors, product_ids: Ids) -> list[Candidates]:
        """Exact scores of every view of these products for one query, one Candidates per
        modality that has any.
        """

    def background(self, modality: Modality) -> Vectors:
        """A fixed sample of up to 256 views, shape (b, dim), for standardising a query's scores."""

    def get_views(self, product_id: int) -> list[ViewBatch]:
        """The product's views, one batch per modality that has any."""

    def count(self, modality: Modality | None = None) -> int:
        """Searchable views, of one modality or of all."""

    def status(self) -> IndexStatus:
        """Sizes, age, shapes, recall, delta and fault."""


class IndexBuilder(Protocol):
    """Builds generations of one space and tenant, one builder at a time."""

    def build(
        self,
        batches: Iterable[ViewBatch],
        seq: int,
        questions: Mapping[Modality, Vectors] | None = None,
    ) -> Manifest:
        """Write, verify and publish a generation; the live one stays whatever is raised.

        Search parameters are tuned on `questions`, by modality; where there are none, on a
        sample of the views.

        Raises BuildInProgress, InvalidVectors, Unavailable (no room, server away),
        CorruptGeneration.
        """
