"""Random sequences of replace, delete, build, roll back, swap and search, against the reference."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from search.errors import NoGeneration
from search.types import Modality, ProductViews, ViewBatch
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from tests.search.vectors.reference import ReferenceIndex, assert_same, batch, clustered, make_space

SPACE = make_space()
# Few distinct vectors, so that exact ties between generation and delta are common.
POOL = clustered(24, seed=3)
QUERIES = clustered(3, seed=4)
MODALITIES = [Modality.TEXT, Modality.PICTURE]

views = st.lists(
    st.tuples(st.sampled_from(MODALITIES), st.integers(0, 40), st.integers(0, 23)), max_size=4
)
products = st.integers(0, 12)


class Sequences(RuleBasedStateMachine):
    """`log` is the database: the newest change of every product, in the order of their seq."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.index = FaissIndexReader(self.root, SPACE)
        self.builder = FaissIndexBuilder(self.root, SPACE, exact_up_to=10_000)
        self.reference = ReferenceIndex()
        self.log: dict[int, ProductViews] = {}
        self.seq = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    def reload(self) -> None:
        missed = [change for change in self.log.values() if change.seq > self.index.seq]
        self.index.refresh(missed, self.seq)

    @rule(product=products, drawn=views)
    def replace(self, product: int, drawn: list[tuple[Modality, int, int]]) -> None:
        self.seq += 1
        batches = tuple(
            batch(modality, product, [view], POOL[[row]]) for modality, view, row in drawn
        )
        change = ProductViews(product, self.seq, batches)
        self.log[product] = change
        self.reference.refresh([change])
        self.reload()

    @rule(window=st.integers(0, 5))
    def repeat_old_changes(self, window: int) -> None:
        """An overlapping window of changes does no harm."""
        again = [change for change in self.log.values() if change.seq > self.seq - window]
        self.index.refresh(reversed(again), self.seq)

    @rule(late=st.integers(0, 3), swap=st.booleans())
    def build(self, late: int, swap: bool) -> None:
        """The stream may hold changes newer than the seq that was read before it."""
        stream: list[ViewBatch] = [part for change in self.log.values() for part in change.batches]
        self.builder.build(stream, seq=max(0, self.seq - late))
        if swap:
            self.swap()

    @rule()
    def roll_back(self) -> None:
        try:
            FaissGenerations(self.root, SPACE).rollback()
        except NoGeneration:
            return
        self.swap()

    @rule()
    def swap(self) -> None:
        again = self.index.swap_if_published()
        if again is None:
            return
        assert again == self.index.seq
        assert again >= FaissGenerations(self.root, SPACE).get_live().seq
        self.reload()

    @rule()
    def restart(self) -> None:
        self.index = FaissIndexReader(self.root, SPACE)
        self.reload()

    @rule(
        k=st.integers(1, 60),
        allowed=st.none() | st.sets(products),
        modality=st.sampled_from(MODALITIES),
    )
    def search(self, k: int, allowed: set[int] | None, modality: Modality) -> None:
        chosen = None if allowed is None else np.array(sorted(allowed), np.int64)
        for found, query in zip(
            self.index.search(QUERIES, modality, k, chosen), QUERIES, strict=True
        ):
            assert_same(found, self.reference.search(query, modality, k, chosen))

    @rule(chosen=st.sets(products))
    def score(self, chosen: set[int]) -> None:
        allowed = np.array(sorted(chosen), np.int64)
        found = {part.modality: part for part in self.index.score_products(QUERIES[0], allowed)}
        for modality in MODALITIES:
            wanted = self.reference.search(QUERIES[0], modality, None, allowed)
            assert (modality in found) == bool(len(wanted.scores))
            if modality in found:
                assert_same(found[modality], wanted)

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "index"):
            return
        for modality in MODALITIES:
            rows = len(self.reference.rows(modality))
            assert self.index.count(modality) == rows
            assert (len(self.index.background(modality)) > 0) >= (rows > 0)
        assert self.index.status().views == self.index.count()


Sequences.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestSequences = Sequences.TestCase
