"""What a generation's collection says about itself, kept as a property of the collection."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from search.errors import CorruptGeneration
from search.types import Modality, Space
from search.vectors.manifest import Manifest
from search.vectors.milvus.connection import CHANGE_SECONDS, Connection
from search.vectors.milvus.schema import IndexType

PROPERTY = "omnishelf.record"


class Record(BaseModel):
    """Written last of all, before the alias moves: a collection without it is what a killed
    builder left.

    `background` holds the row numbers of each modality's fixed sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: Manifest
    index_type: IndexType
    background: dict[Modality, tuple[int, ...]]


def write_record(connection: Connection, collection: str, record: Record) -> None:
    connection(
        "alter_collection_properties",
        collection,
        {PROPERTY: record.model_dump_json()},
        seconds=CHANGE_SECONDS,
    )


def read_record(connection: Connection, collection: str, space: Space) -> Record:
    """Raises CorruptGeneration when there is none, or one of another space or format."""
    properties = connection("describe_collection", collection).get("properties", {})
    if PROPERTY not in properties:
        raise CorruptGeneration(
            "a collection in Milvus has no record: its build did not finish", value=collection
        )
    try:
        record = Record.model_validate_json(properties[PROPERTY])
    except ValidationError as error:
        raise CorruptGeneration(
            f"the record of collection {collection} cannot be read: {error}"
        ) from error
    if (record.manifest.space, record.manifest.dim) != (space.fingerprint, space.dim):
        raise CorruptGeneration(
            f"collection {collection} belongs to another space", value=record.manifest.space
        )
    return record
