"""Generations in Milvus: one collection each, and an alias that points to the live one."""

from __future__ import annotations

from search.errors import CorruptGeneration
from search.types import Space
from search.vectors.generations import Generations
from search.vectors.manifest import Manifest
from search.vectors.milvus.collection import COUNT
from search.vectors.milvus.connection import BUILD_SECONDS, CHANGE_SECONDS, Connection
from search.vectors.milvus.generation import MilvusGeneration
from search.vectors.milvus.metadata import read_metadata
from search.vectors.milvus.naming import Names


class MilvusGenerations(Generations):
    """The generations of one space and tenant in Milvus.

    A collection without metadata is being built, or was left by a killed build; it is listed with
    a fault.
    """

    def __init__(self, connection: Connection, space: Space, *, tenant: str = "") -> None:
        self._connection = connection
        self._space = space
        self._names = Names.of(space, tenant)

    @property
    def name(self) -> str:
        return self._names.alias

    def numbers(self) -> list[int]:
        found = (self._names.number(name) for name in self._connection("list_collections"))
        return sorted(number for number in found if number is not None)

    def live_number(self) -> int | None:
        name = self._connection.resolve_alias(self._names.alias)
        return self._names.number(name) if name else None

    def read_manifest(self, number: int) -> Manifest:
        return read_metadata(self._connection, self._names.collection(number), self._space).manifest

    def set_live(self, number: int) -> None:
        """Move the alias: the one step that publishes."""
        has_alias = self._connection.resolve_alias(self._names.alias) is not None
        self._connection(
            "alter_alias" if has_alias else "create_alias",
            self._names.collection(number),
            self._names.alias,
            seconds=CHANGE_SECONDS,
        )

    def _check(self, number: int) -> Manifest:
        """Count the rows of every modality and fetch the background samples.

        Milvus checks its own files.
        """
        manifest = self.read_manifest(number)
        name = self._names.collection(number)
        self._connection("load_collection", name, seconds=BUILD_SECONDS)
        self.check_counts(name, manifest)
        MilvusGeneration.open(self._connection, name, self._names, self._space)
        return manifest

    def check_counts(self, name: str, manifest: Manifest) -> None:
        """Count the views of a loaded collection.

        Raises CorruptGeneration when a modality has another number of views than the manifest says.
        """
        for segment in manifest.segments:
            (row,) = self._connection(
                "query",
                name,
                filter=self._names.part_is(segment.modality),
                output_fields=[COUNT],
                consistency_level="Strong",
                seconds=BUILD_SECONDS,
            )
            if row[COUNT] != segment.views:
                raise CorruptGeneration(
                    f"collection {name} should hold {segment.views} views of {segment.modality}",
                    value=row[COUNT],
                )

    def drop_unfinished(self) -> None:
        """Drop what killed builders left. Call with the build lock held."""
        for info in self.list_all():
            if info.manifest is None and not info.live:
                self._remove(info.number)

    def unload_all_but_live(self) -> None:
        """Free the memory of earlier generations for the one to be built.

        Readers have left those long ago.
        """
        live = self.live_number()
        for number in self.numbers():
            if number != live:
                self._connection(
                    "release_collection", self._names.collection(number), seconds=BUILD_SECONDS
                )

    def _remove(self, number: int) -> None:
        self._connection("drop_collection", self._names.collection(number), seconds=CHANGE_SECONDS)


def delete_space(connection: Connection, fingerprint: str, tenant: str) -> None:
    """Drop every generation of a space and tenant."""
    names = Names(fingerprint, tenant)
    if connection.resolve_alias(names.alias) is not None:
        connection("drop_alias", names.alias, seconds=CHANGE_SECONDS)
    for name in connection("list_collections"):
        if names.number(name) is not None:
            connection("drop_collection", name, seconds=CHANGE_SECONDS)
