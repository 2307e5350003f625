"""Look after the generations in Milvus: list, verify, roll back, drop."""

from __future__ import annotations

from search.errors import CorruptGeneration, NoGeneration
from search.types import Space
from search.vectors.generations import GenerationInfo
from search.vectors.manifest import Manifest
from search.vectors.milvus.collection import COUNT
from search.vectors.milvus.connection import BUILD_SECONDS, CHANGE_SECONDS, Connection
from search.vectors.milvus.generation import RemoteGeneration
from search.vectors.milvus.metadata import read_record
from search.vectors.milvus.naming import Names


class MilvusGenerations:
    """The `Generations` of one space and tenant in Milvus."""

    def __init__(self, connection: Connection, space: Space, *, tenant: str = "") -> None:
        self._connection = connection
        self._space = space
        self._names = Names.of(space, tenant)

    def numbers(self) -> list[int]:
        """Numbers of the generations that have a collection, ascending."""
        found = (self._names.number(name) for name in self._connection("list_collections"))
        return sorted(number for number in found if number is not None)

    def live_number(self) -> int | None:
        """The generation that the alias points to."""
        name = self._connection.collection_of(self._names.alias)
        return self._names.number(name) if name else None

    def listed(self) -> list[GenerationInfo]:
        """All generations, newest number first. One without a record is being built, or was left
        by a killed build.
        """
        live = self.live_number()
        return [self._described(number, number == live) for number in reversed(self.numbers())]

    def _described(self, number: int, live: bool) -> GenerationInfo:
        try:
            return GenerationInfo(number, live, self._manifest(number), None)
        except CorruptGeneration as error:
            return GenerationInfo(number, live, None, str(error))

    def _manifest(self, number: int) -> Manifest:
        return read_record(self._connection, self._names.collection(number), self._space).manifest

    def live(self) -> Manifest:
        """The live generation's manifest. Raises NoGeneration, CorruptGeneration."""
        number = self.live_number()
        if number is None:
            raise NoGeneration(
                "no generation has been published", value=self._names.alias, fix="Build one first."
            )
        return self._manifest(number)

    def verify(self, number: int | None = None) -> Manifest:
        """Count the rows of every modality, and fetch the background samples.

        Milvus checks its files itself. Raises NoGeneration, CorruptGeneration.
        """
        manifest = self.live() if number is None else self._existing(number)
        name = self._names.collection(manifest.number)
        self._connection("load_collection", name, seconds=BUILD_SECONDS)
        self.check_counts(name, manifest)
        RemoteGeneration.open(self._connection, name, self._names, self._space)
        return manifest

    def _existing(self, number: int) -> Manifest:
        if number not in self.numbers():
            raise NoGeneration("there is no such generation", value=number)
        return self._manifest(number)

    def check_counts(self, name: str, manifest: Manifest) -> None:
        """Raises CorruptGeneration when a loaded collection holds other numbers of views than it
        should.
        """
        for segment in manifest.segments:
            part = self._names.in_part(segment.modality)
            (row,) = self._connection(
                "query",
                name,
                filter=part,
                output_fields=[COUNT],
                consistency_level="Strong",
                seconds=BUILD_SECONDS,
            )
            if row[COUNT] != segment.views:
                problem = (
                    f"collection {name} should hold {segment.views} views of {segment.modality}"
                )
                raise CorruptGeneration(problem, value=row[COUNT])

    def rollback(self, to: int | None = None) -> Manifest:
        """Make generation `to` live again, or the one that was live before the current one;
        verified first.

        Raises NoGeneration when there is nothing to go back to, CorruptGeneration.
        """
        target = to if to is not None else self.live().previous
        if target is None:
            raise NoGeneration(
                "there is no generation before the live one", fix="Build one from the database."
            )
        manifest = self.verify(target)
        self.point_to(self._names.collection(target))
        return manifest

    def point_to(self, name: str) -> None:
        """Move the alias: the one step that publishes."""
        method = (
            "create_alias"
            if self._connection.collection_of(self._names.alias) is None
            else "alter_alias"
        )
        self._connection(method, name, self._names.alias, seconds=CHANGE_SECONDS)

    def drop_unfinished(self) -> None:
        """Drop what killed builders left. Call with the build lock held."""
        for info in self.listed():
            if info.manifest is None and not info.live:
                self._connection(
                    "drop_collection", self._names.collection(info.number), seconds=CHANGE_SECONDS
                )

    def unload_but_live(self) -> None:
        """Free the memory of earlier generations, which readers left long ago, for the one to be
        built.
        """
        live = self.live_number()
        for number in self.numbers():
            if number != live:
                self._connection(
                    "release_collection", self._names.collection(number), seconds=BUILD_SECONDS
                )

    def prune(self, keep: int) -> None:
        """Drop what is neither live nor among the `keep` generations that a rollback could
        reach.
        """
        kept = self._chain()[:keep]
        for number in self.numbers():
            if number not in kept:
                self._connection(
                    "drop_collection", self._names.collection(number), seconds=CHANGE_SECONDS
                )

    def _chain(self) -> list[int]:
        """Numbers from the live one back through what was live before, as far as records can be
        read.
        """
        chain: list[int] = []
        number = self.live_number()
        while number is not None and number not in chain:
            chain.append(number)
            try:
                number = self._manifest(number).previous if number in self.numbers() else None
            except CorruptGeneration:
                break
        return [number for number in chain if number in self.numbers()]


def forget(connection: Connection, fingerprint: str, tenant: str) -> None:
    """Drop every generation of a space and tenant."""
    names = Names(fingerprint, tenant)
    if connection.collection_of(names.alias) is not None:
        connection("drop_alias", names.alias, seconds=CHANGE_SECONDS)
    for name in connection("list_collections"):
        if names.number(name) is not None:
            connection("drop_collection", name, seconds=CHANGE_SECONDS)
