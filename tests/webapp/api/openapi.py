"""Check responses against the generated OpenAPI document."""

from __future__ import annotations

import functools
import json
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker


@functools.cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    generator: Any = SchemaGenerator  # not typed
    schema: dict[str, Any] = generator().get_schema(request=None, public=True)
    return schema


def operation(operation_id: str) -> dict[str, Any]:
    """Return the description of an operation."""
    operations: list[dict[str, Any]] = [
        operation for methods in document()["paths"].values() for operation in methods.values()
    ]
    for candidate in operations:
        if candidate["operationId"] == operation_id:
            return candidate
    raise LookupError(operation_id)


def assert_conforms(response: Any, operation_id: str) -> Any:
    """Assert that status, media type and content are documented. Return the content."""
    responses = operation(operation_id)["responses"]
    assert str(response.status_code) in responses, (response.status_code, response.content)
    media_type = response["Content-Type"].split(";")[0]
    media_types = responses[str(response.status_code)]["content"]
    assert media_type in media_types, media_type
    schema = {**media_types[media_type]["schema"], "components": document()["components"]}
    content = json.loads(response.content)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(content)
    return content
