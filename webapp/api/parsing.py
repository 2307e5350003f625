"""Read requests into schemas.

JSON is parsed strictly. Forms and query parameters are text, so their values are converted.
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
    """Keep a JSON body as bytes.

    The schema parses and validates it in one pass, which also refuses NaN, deep nesting and
    surrogates.
    """

    media_type = "application/json"

    def parse(  # type: ignore[override]  # `request.data` is the body itself
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return stream.read()


def json_body(request: Request) -> bytes | None:
    """Return the JSON body; None for a form, or without a body."""
    data: object = request.data
    return data if isinstance(data, bytes) else None


def read_json(request: Request, schema: type[SchemaT]) -> SchemaT:
    """Return the JSON body as `schema`. Raises pydantic's ValidationError."""
    return schema.model_validate_json(json_body(request) or b"", strict=True)


def read_query(request: Request, schema: type[SchemaT]) -> SchemaT:
    """Return the query parameters as `schema`, which refuses unknown ones.

    Raises pydantic's ValidationError.
    """
    return schema.model_validate(_to_fields(request.query_params, schema))


def read_form(
    request: Request, schema: type[SchemaT], files: Collection[str]
) -> tuple[SchemaT, dict[str, UploadedFile[bytes]]]:
    """Return the fields of a multipart body as `schema`, and its files by name.

    `files` are the accepted names of files. Raises pydantic's ValidationError for unknown fields
    and files.
    """
    unknown = {name: "Unknown file field" for name in request.FILES if name not in files}
    if unknown:
        raise field_errors(schema, unknown)
    return schema.model_validate(_to_fields(request.POST, schema)), request.FILES.dict()


def require_file(
    files: Mapping[str, UploadedFile[bytes]], name: str, schema: type[Schema]
) -> UploadedFile[bytes]:
    """Return a file of a form. Raises pydantic's ValidationError if it is absent."""
    if name not in files:
        raise field_errors(schema, {name: "A file is required"})
    return files[name]


def field_errors(schema: type[Schema], reasons: Mapping[str, str]) -> ValidationError:
    """Return a validation error with a reason for each field."""
    return ValidationError.from_exception_data(
        schema.__name__,
        [
            InitErrorDetails(type=PydanticCustomError("refused", reason), loc=(name,), input=None)
            for name, reason in reasons.items()
        ],
    )


def _to_fields(parameters: QueryDict, schema: type[Schema]) -> dict[str, Any]:
    """Return repeated parameters as lists where the schema has a list, else the last value."""
    lists = {name for name, field in schema.model_fields.items() if field.default_factory is list}
    return {
        name: parameters.getlist(name) if name in lists else parameters[name] for name in parameters
    }
