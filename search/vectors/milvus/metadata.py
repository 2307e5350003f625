"""A generation's metadata, stored as a property of its collection."""

from __future__ import annotations

from pydantic import ValidationError

from search.errors import CorruptGeneration
from search.types import Modality, Space
from search.vectors.manifest import FrozenModel, Manifest
from search.vectors.milvus.connection import CHANGE_SECONDS, Connection
from search.vectors.milvus.schema import BuiltIndexType

PROPERTY = "omnishelf.record"


class Metadata(FrozenModel):
    """The manifest, the index type, and the row numbers of each modality's background sample.

    It is written last, before the alias moves: a collection without it was left by a killed
    builder.
    """

    manifest: Manifest
    index_type: BuiltIndexType
    background: dict[Modality, tuple[int, ...]]


def write_metadata(connection: Connection, collection: str, metadata: Metadata) -> None:
    connection(
        "alter_collection_properties",
        collection,
        {PROPERTY: metadata.model_dump_json()},
        seconds=CHANGE_SECONDS,
    )


def read_metadata(connection: Connection, collection: str, space: Space) -> Metadata:
    """Read a collection's metadata.

    Raises CorruptGeneration when there is none, or when it is of another space or format.
    """
    properties = connection("describe_collection", collection).get("properties", {})
    if PROPERTY not in properties:
        raise CorruptGeneration(
            "a collection in Milvus has no metadata: its build did not finish", value=collection
        )
    try:
        metadata = Metadata.model_validate_json(properties[PROPERTY])
    except ValidationError as error:
        raise CorruptGeneration(
            f"the metadata of collection {collection} cannot be read: {error}"
        ) from error
    if (metadata.manifest.space, metadata.manifest.dim) != (space.fingerprint, space.dim):
        raise CorruptGeneration(
            f"collection {collection} belongs to another space", value=metadata.manifest.space
        )
    return metadata
