"""OpenAPI descriptions of operations: parameters, bodies, responses, problems and the API key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from drf_spectacular.contrib.pydantic import PydanticExtension
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from webapp.api.problems import MEDIA_TYPE, ProblemDetails
from webapp.api.schemas.base import Schema

ViewMethod = TypeVar("ViewMethod", bound=Callable[..., Any])

COMMON_PROBLEMS = (400, 401, 403, 406, 429, 503)
PROBLEM_DESCRIPTIONS = {
    400: "The request is malformed, or fields in it are wrong",
    401: "The API key is missing, unknown, expired or revoked",
    403: "The caller does not have the scope",
    404: "Not found",
    406: "Only JSON is available",
    409: "Conflict with the current state",
    413: "The body or file is too large",
    415: "The type of the body or file is not accepted",
    422: "This Idempotency-Key belongs to another request",
    429: "Too many requests; see Retry-After",
    503: "A service does not answer; see Retry-After",
}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A repeated request with this key gets the response of the first one, for 24 hours",
)


def operation(
    *,
    responses: Mapping[Any, Any],
    body: Any = None,
    query: type[Schema] | None = None,
    problems: Collection[int] = (),
    idempotent: bool = False,
    public: bool = False,
    **extra: Any,
) -> Callable[[ViewMethod], ViewMethod]:
    """Describe a method of a view: its responses, parameters and problems.

    `public` means that it can be open to callers without a key.
    """
    parameters = [
        *(query_parameters(query) if query else ()),
        *((IDEMPOTENCY_KEY,) if idempotent else ()),
    ]
    statuses = sorted({*COMMON_PROBLEMS, *problems, *((409, 422) if idempotent else ())})
    errors = {
        (status, MEDIA_TYPE): OpenApiResponse(
            ProblemDetails, description=PROBLEM_DESCRIPTIONS[status]
        )
        for status in statuses
    }
    # Security requirements of OpenAPI, which the stubs take for names of schemes.
    security: list[Any] = [{"apiKey": []}, {"cookieAuth": []}, *([{}] if public else ())]
    return extend_schema(
        request=body,
        parameters=parameters,
        responses={**responses, **errors},
        auth=security,
        **extra,
    )


def query_parameters(schema: type[Schema]) -> list[OpenApiParameter]:
    """Return the fields of a schema as query parameters. They are never null, only absent."""
    document = schema.model_json_schema(mode="validation")
    required = document.get("required", ())
    return [
        OpenApiParameter(
            name,
            _without_null(field),
            OpenApiParameter.QUERY,
            required=name in required,
            description=field.get("description", ""),
        )
        for name, field in document["properties"].items()
    ]


def _without_null(field: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in field.items() if key not in {"title", "description"}}
    choices = [choice for choice in kept.get("anyOf", ()) if choice.get("type") != "null"]
    if "anyOf" in kept:
        del kept["anyOf"]
        kept |= choices[0] if len(choices) == 1 else {"anyOf": choices}
    if kept.get("default") is None:
        kept.pop("default", None)
    return kept


def file_body(
    schema: type[Schema], files: Mapping[str, str], required: Collection[str]
) -> dict[str, Any]:
    """Return a multipart body: the fields of a schema, and files with their descriptions."""
    document = schema.model_json_schema(mode="validation")
    contents = {
        name: {"type": "string", "format": "binary", "description": description}
        for name, description in files.items()
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**document["properties"], **contents},
        "required": list(required),
    }


class SchemaExtension(PydanticExtension):  # type: ignore[no-untyped-call]
    """Describe a schema and those that it contains."""

    target_class = "webapp.api.schemas.base.Schema"
    match_subclasses = True
    priority = 1

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        mode: JsonSchemaMode = "validation" if direction == "request" else "serialization"
        _, document = models_json_schema(
            [(self.target, mode)], ref_template="#/components/schemas/{model}"
        )
        definitions = document["$defs"]
        own: dict[str, Any] = definitions.pop(self.target.__name__)
        for name, schema in definitions.items():
            component = ResolvedComponent(  # type: ignore[no-untyped-call]
                name, ResolvedComponent.SCHEMA, object=name, schema=schema
            )
            auto_schema.registry.register_on_missing(component)
        return own


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describe the API key as a bearer token."""

    target_class = "webapp.api.access.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, created in the admin",
        }
