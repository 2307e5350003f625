"""Errors of the API as problem documents (RFC 9457)."""

from __future__ import annotations

import http
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Annotated, Any

import kombu.exceptions
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from pydantic import Field, ValidationError
from redis.exceptions import RedisError
from rest_framework.exceptions import APIException, NotFound, Throttled
from rest_framework.exceptions import PermissionDenied as NotPermitted

from search.errors import (
    BuildInProgress,
    CorruptGeneration,
    EncoderError,
    InputError,
    MediaTooLarge,
    MediaUnsupported,
    ModalityUnsupported,
    NoGeneration,
    OmnishelfError,
    SpeechDisabled,
    Unavailable,
)
from webapp.api.schemas.base import ResponseSchema, Source

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

STATUS_BY_ERROR: tuple[tuple[type[OmnishelfError], int], ...] = (
    (MediaTooLarge, 413),
    (MediaUnsupported, 415),
    (ModalityUnsupported, 400),
    (InputError, 400),
    (SpeechDisabled, 404),
    (EncoderError, 503),
    (NoGeneration, 503),
    (CorruptGeneration, 503),
    (BuildInProgress, 503),
    (Unavailable, 503),
    (OmnishelfError, 500),
)
"""HTTP status by class of error; the first class that matches decides."""

SERVICE_UNAVAILABLE = (
    OperationalError,
    InterfaceError,
    RedisError,
    kombu.exceptions.OperationalError,
)
"""Errors of a database, cache or broker that does not answer."""

MALFORMED_REQUEST = (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError)


@dataclass(frozen=True, slots=True)
class FieldError:
    """Why a field was not accepted."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the caller sees it: `code` is stable, for programs; `detail` is for people."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = dataclass_field(default_factory=dict)

    def response(self) -> HttpResponse:
        document = ProblemDetails.write(self)
        if not self.errors:
            del document["errors"]
        return HttpResponse(
            json.dumps(document),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers=dict(self.headers),
        )


class FieldProblem(ResponseSchema):
    """A field that was not accepted."""

    field: str = Field(description="path of the field, such as filters.price_min")
    reason: str


class ProblemDetails(ResponseSchema):
    """An error (RFC 9457)."""

    type: Annotated[
        str, Source(lambda problem, _context: f"urn:omnishelf:problem:{problem.code}")
    ] = Field(description="urn:omnishelf:problem:<code>")
    title: Annotated[str, Source(lambda problem, _context: http.HTTPStatus(problem.status).phrase)]
    status: int
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="what is wrong, for people")
    errors: list[FieldProblem] = Field(
        default_factory=list, description="by field, if fields are wrong"
    )


class Conflict(APIException):
    """The resource is not in a state that allows the request."""

    status_code = 409
    default_code = "conflict"


class BodyTooLarge(APIException):
    """The body is longer than the endpoint accepts."""

    status_code = 413
    default_code = "body_too_large"


class KeyReused(APIException):
    """The Idempotency-Key belongs to another request."""

    status_code = 422
    default_code = "idempotency_key_reused"


def _from_validation_error(error: ValidationError) -> Problem:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    errors = [FieldError(".".join(map(str, item["loc"])), item["msg"]) for item in details]
    if any(item["type"] == "json_invalid" for item in details):
        return Problem(400, "malformed", errors[0].reason)
    names = ", ".join(dict.fromkeys(item.field for item in errors if item.field)) or "the body"
    return Problem(400, "invalid", f"Not accepted: {names}.", errors)


def _from_omnishelf_error(error: OmnishelfError) -> Problem:
    status = next(status for kind, status in STATUS_BY_ERROR if isinstance(error, kind))
    if status == 500:
        return _internal_error(error)
    if status == 503:
        logger.warning("temporarily unavailable: %s", error)
        # The value and the fix are for the operator, in the log: they may name files of the server.
        return Problem(
            status, error.code, f"{error.problem}.", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
    return Problem(status, error.code, str(error))


def _from_api_exception(error: APIException) -> Problem:
    headers: dict[str, str] = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(error, Throttled) and (wait := getattr(error, "wait", None)):
        headers["Retry-After"] = str(int(wait))
    code = error.get_codes()
    return Problem(
        error.status_code,
        code if isinstance(code, str) else error.default_code,
        str(error.detail),
        headers=headers,
    )


def _internal_error(error: Exception) -> Problem:
    logger.error("internal error in the API", exc_info=error)
    return Problem(500, "error", "Internal error. It has been logged.")


def _from_unavailable_service(error: Exception) -> Problem:
    logger.warning("a service does not answer: %s", error)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Problem(503, "unavailable", "Try again shortly.", headers=headers)


CONVERTERS: tuple[tuple[Any, Callable[[Any], Problem]], ...] = (
    (ValidationError, _from_validation_error),
    (OmnishelfError, _from_omnishelf_error),
    (Http404, lambda _error: _from_api_exception(NotFound())),
    (PermissionDenied, lambda _error: _from_api_exception(NotPermitted())),
    (APIException, _from_api_exception),
    (RequestDataTooBig, lambda error: Problem(413, BodyTooLarge.default_code, str(error))),
    (
        MALFORMED_REQUEST,
        lambda error: Problem(400, "malformed", str(error) or "The request cannot be read."),
    ),
    (SERVICE_UNAVAILABLE, _from_unavailable_service),
)
"""Functions by the classes of errors that they convert; the first match decides."""


def to_problem(error: Exception) -> Problem:
    """Return the problem that describes an error to the caller."""
    for classes, convert in CONVERTERS:
        if isinstance(error, classes):
            return convert(error)
    return _internal_error(error)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return the response of an error; the exception handler of REST framework.

    An internal error also sends Django's signal, for error reporting.
    """
    problem = to_problem(error)
    if problem.status == 500:
        got_request_exception.send(sender=None, request=context["request"]._request)
    return problem.response()
