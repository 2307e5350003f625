"""What the OpenAPI document says beyond the shapes: the key, the problems, and parameters made
from shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from drf_spectacular.contrib.pydantic import PydanticExtension
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import Direction, OpenApiParameter, OpenApiResponse, extend_schema
from pydantic.json_schema import models_json_schema

from webapp.api.problems import MEDIA_TYPE
from webapp.api.schemas.base import ProblemDetails, Schema

ViewMethod = TypeVar("ViewMethod", bound=Callable[..., Any])

EVERYWHERE = (400, 401, 403, 406, 429, 503)
REASONS = {
    400: "The request is malformed, or fields in it are wrong",
    401: "The API key is unknown, expired or revoked, or one is needed",
    403: "The caller lacks the scope",
    404: "No such thing",
    406: "Only JSON is answered",
    409: "Not in its present state",
    413: "The body or file is too large",
    415: "The body or file is of a type that is not accepted",
    422: "This Idempotency-Key was used for another request",
    429: "Too many requests; see Retry-After",
    503: "A service is away; see Retry-After",
}

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Makes a repeated request safe: it gets the first one's answer, for 24 hours",
)


def operation(
    *,
    answers: Mapping[int, Any],
    body: Any = None,
    query: type[Schema] | None = None,
    problems: Collection[int] = (),
    idempotent: bool = False,
    public: bool = False,
    **extra: Any,
) -> Callable[[ViewMethod], ViewMethod]:
    """Documents a view's method: its answers, its parameters, and the problems it may meet.

    `public` says that it may be open to callers without a key.
    """
    parameters = [
        *(query_parameters(query) if query else ()),
        *((IDEMPOTENCY_KEY,) if idempotent else ()),
    ]
    statuses = sorted({*EVERYWHERE, *problems, *((409, 422) if idempotent else ())})
    responses = {
        **answers,
        **{
            (status, MEDIA_TYPE): OpenApiResponse(ProblemDetails, description=REASONS[status])
            for status in statuses
        },
    }
    return extend_schema(
        request=body,
        parameters=parameters,
        responses=responses,
        auth=[{"apiKey": []}, {"cookieAuth": []}, *([{}] if public else ())],
        **extra,
    )


def query_parameters(schema: type[Schema]) -> list[OpenApiParameter]:
    """A schema's fields as query parameters. A parameter that is absent has no null to be."""
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
    """A multipart body: a schema's fields beside files, each with its description."""
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


class SchemaExtension(PydanticExtension):
    """Request bodies as they are validated, answers as they are written; the two differ for
    prices.
    """

    target_class = "webapp.api.schemas.base.Schema"
    match_subclasses = True
    priority = 1

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        mode = "validation" if direction == "request" else "serialization"
        _, document = models_json_schema(
            [(self.target, mode)], ref_template="#/components/schemas/{model}"
        )
        definitions = document["$defs"]
        own = definitions.pop(self.target.__name__)
        for name, schema in definitions.items():
            component = ResolvedComponent(
                name, ResolvedComponent.SCHEMA, object=name, schema=schema
            )
            auto_schema.registry.register_on_missing(component)
        return own


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = "webapp.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API key, made in the admin"}
