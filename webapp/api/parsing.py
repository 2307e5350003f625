"""From a request to a schema. JSON is read strictly, forms and query parameters as the texts they
are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import IO, Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from webapp.api.schemas.base import Schema

SchemaT = TypeVar("SchemaT", bound=Schema)


class JsonBytes(BaseParser):
    """Leaves JSON as bytes: the schema parses and checks it in one pass, NaN, depth and
    surrogates included.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return stream.read()


def read_json(request: Request, schema: type[SchemaT]) -> SchemaT:
    """The JSON body. Raises pydantic's ValidationError."""
    body = request.data if isinstance(request.data, bytes) else b""
    return schema.model_validate_json(body, strict=True)


def read_query(request: Request, schema: type[SchemaT]) -> SchemaT:
    """The query parameters; unknown ones are refused. Raises pydantic's ValidationError."""
    return schema.model_validate(_fields(request.query_params, schema))


def read_form(
    request: Request, schema: type[SchemaT], files: Collection[str]
) -> tuple[SchemaT, dict[str, UploadedFile]]:
    """The fields and files of a multipart body; unknown ones are refused. Raises pydantic's
    ValidationError.
    """
    sent = request.FILES
    unknown = {name: "No file of this name is expected" for name in sent if name not in files}
    if unknown:
        raise field_errors(schema, unknown)
    return schema.model_validate(_fields(request.POST, schema)), sent.dict()


def _fields(given: QueryDict, schema: type[Schema]) -> dict[str, Any]:
    """Repeated names become lists where the schema wants one; otherwise the last one counts, as
    everywhere.
    """
    lists = {name for name, field in schema.model_fields.items() if field.default_factory is list}
    return {name: given.getlist(name) if name in lists else given[name] for name in given}


def field_errors(schema: type[Schema], reasons: Mapping[str, str]) -> ValidationError:
    """A validation error made by hand."""
    return ValidationError.from_exception_data(
        schema.__name__,
        [
            InitErrorDetails(type=PydanticCustomError("refused", reason), loc=(name,), input=None)
            for name, reason in reasons.items()
        ],
    )
