"""Published generations of one space: list, read, verify, roll back and prune them.

Each backend says where they are stored.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

from search.errors import CorruptGeneration, NoGeneration
from search.vectors.manifest import Manifest


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """A stored generation; `fault` says why its manifest cannot be read."""

    number: int
    live: bool
    manifest: Manifest | None
    fault: str | None


class Generations(ABC):
    """The published generations of one space and tenant."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What errors call this set of generations."""

    @abstractmethod
    def numbers(self) -> list[int]:
        """Return the numbers of all stored generations, ascending."""

    @abstractmethod
    def live_number(self) -> int | None:
        """Return the live generation's number; None when nothing was published.

        Raises CorruptGeneration when the pointer is damaged.
        """

    @abstractmethod
    def read_manifest(self, number: int) -> Manifest:
        """Return the manifest of a stored generation. Raises CorruptGeneration."""

    @abstractmethod
    def set_live(self, number: int) -> None:
        """Publish a stored generation in one step."""

    @abstractmethod
    def _check(self, number: int) -> Manifest:
        """Check that a stored generation holds what its manifest says; return the manifest."""

    @abstractmethod
    def _remove(self, number: int) -> None:
        """Delete a stored generation."""

    def _pointer_lock(self) -> contextlib.AbstractContextManager[None]:
        """Return a lock that keeps other processes from moving the pointer."""
        return contextlib.nullcontext()

    def list_all(self) -> list[GenerationInfo]:
        """Return all generations, newest number first.

        Reads manifests only. A damaged one is listed with its fault; a damaged pointer leaves all
        of them not live.
        """
        try:
            live = self.live_number()
        except CorruptGeneration:
            live = None
        return [self._describe(number, number == live) for number in reversed(self.numbers())]

    def _describe(self, number: int, live: bool) -> GenerationInfo:
        try:
            return GenerationInfo(number, live, self.read_manifest(number), None)
        except CorruptGeneration as error:
            return GenerationInfo(number, live, None, str(error))

    def get_live(self) -> Manifest:
        """Return the live generation's manifest. Raises NoGeneration, CorruptGeneration."""
        return self.read_manifest(self._require_live())

    def verify(self, number: int | None = None) -> Manifest:
        """Check generation `number`, or the live one when None, and return its manifest.

        Raises NoGeneration when there is no such generation, CorruptGeneration naming what is
        damaged.
        """
        wanted = self._require_live() if number is None else number
        if wanted not in self.numbers():
            raise NoGeneration("there is no such generation", value=wanted)
        return self._check(wanted)

    def rollback(self, to: int | None = None) -> Manifest:
        """Verify generation `to`, or the one before the live one when None, and make it live.

        Readers swap at their next look at the pointer and must then reload changes from the older
        seq, see `IndexReader.swap_if_published`. A build in progress is not stopped and will
        publish over the rollback.

        Raises NoGeneration when there is nothing to go back to. Raises CorruptGeneration when the
        target is damaged, or the live manifest, which names the target when `to` is None.
        """
        with self._pointer_lock():
            target = self.get_live().previous if to is None else to
            if target is None:
                raise NoGeneration(
                    "there is no generation before the live one", fix="Build one from the database."
                )
            manifest = self.verify(target)
            self.set_live(target)
        return manifest

    def prune(self, keep: int) -> None:
        """Delete what is neither live nor among the `keep` generations a rollback could reach."""
        live = self.live_number()
        if live is None:
            return
        kept = {live, *self._rollback_chain(live)[:keep]}
        for number in set(self.numbers()) - kept:
            self._remove(number)

    def _rollback_chain(self, number: int) -> list[int]:
        """Return the numbers from `number` back through what was live before each of them.

        Stops at the first manifest that cannot be read.
        """
        stored = self.numbers()
        chain: list[int] = []
        following: int | None = number
        while following in stored and following not in chain:
            try:
                manifest = self.read_manifest(following)
            except CorruptGeneration:
                break
            chain.append(following)
            following = manifest.previous
        return chain

    def _require_live(self) -> int:
        number = self.live_number()
        if number is None:
            raise NoGeneration(
                "no generation has been published", value=self.name, fix="Build one first."
            )
        return number
