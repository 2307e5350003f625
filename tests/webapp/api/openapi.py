"""Checks real answers against the generated OpenAPI document."""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker


@functools.cache
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def operation(operation_id: str) -> dict[str, Any]:
    for methods in document()["paths"].values():
        for found in methods.values():
            if found["operationId"] == operation_id:
                return found
    raise LookupError(operation_id)


def assert_conforms(response: HttpResponse, operation_id: str) -> Any:
    """The answer's status, media type and content are what the document promises. Returns the
    content."""
    promised = operation(operation_id)["responses"]
    assert str(response.status_code) in promised, (response.status_code, response.content)
    media_type = response["Content-Type"].split(";")[0]
    content = promised[str(response.status_code)]["content"]
    assert media_type in content, media_type
    schema = {**content[media_type]["schema"], "components": document()["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())
    return response.json()
