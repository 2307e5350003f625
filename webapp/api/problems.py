"""Every error as a problem document (RFC 9457): type, title, status, detail, code, and errors by
field.
"""

from __future__ import annotations

import http
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
from pydantic import ValidationError
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

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

STATUS_OF: tuple[tuple[type[OmnishelfError], int], ...] = (
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
"""The first class that fits decides."""

SERVICE_UNAVAILABLE = (
    OperationalError,
    InterfaceError,
    RedisError,
    kombu.exceptions.OperationalError,
)
"""The database, the cache or the broker does not answer."""

MALFORMED = (BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError)


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is stable and meant for programs, `detail` for people."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> HttpResponse:
        content: dict[str, Any] = {
            "type": f"urn:omnishelf:problem:{self.code}",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            content["errors"] = [
                {"field": error.field, "reason": error.reason} for error in self.errors
            ]
        return HttpResponse(
            json.dumps(content),
            status=self.status,
            content_type=MEDIA_TYPE,
            headers=dict(self.headers),
        )


class Conflict(APIException):
    status_code = 409
    default_code = "conflict"


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "body_too_large"


class KeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"


def _of_validation(error: ValidationError) -> Problem:
    found = [
        FieldError(".".join(str(part) for part in item["loc"]), item["msg"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    if any(
        item["type"] == "json_invalid"
        for item in error.errors(include_url=False, include_input=False)
    ):
        return Problem(400, "malformed", found[0].reason)
    names = ", ".join(dict.fromkeys(item.field for item in found if item.field)) or "the body"
    return Problem(400, "invalid", f"Not accepted: {names}.", found)


def _of_omnishelf(error: OmnishelfError) -> Problem:
    status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
    if status == 500:
        return _internal_error(error)
    if status == 503:
        logger.warning("cannot answer now: %s", error)
        # The value and the remedy are for whoever runs the service; they may name its files.
        return Problem(
            status, error.code, f"{error.problem}.", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
    return Problem(status, error.code, str(error))


def _of_rest_framework(error: APIException) -> Problem:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(error, Throttled) and error.wait:
        headers["Retry-After"] = str(int(error.wait))
    code = error.get_codes()
    return Problem(
        error.status_code,
        code if isinstance(code, str) else error.default_code,
        str(error.detail),
        headers=headers,
    )


def _internal_error(error: Exception) -> Problem:
    logger.error("unforeseen error in the API", exc_info=error)
    return Problem(500, "error", "Something went wrong here; it has been recorded.")


def problem_of(error: Exception) -> Problem:
    """The problem document that tells a caller about this error."""
    if isinstance(error, ValidationError):
        return _of_validation(error)
    if isinstance(error, OmnishelfError):
        return _of_omnishelf(error)
    if isinstance(error, Http404):
        error = NotFound()
    elif isinstance(error, PermissionDenied):
        error = NotPermitted()
    if isinstance(error, APIException):
        return _of_rest_framework(error)
    if isinstance(error, RequestDataTooBig):
        return Problem(413, BodyTooLarge.default_code, str(error))
    if isinstance(error, MALFORMED):
        return Problem(400, "malformed", str(error) or "The request cannot be read.")
    if isinstance(error, SERVICE_UNAVAILABLE):
        logger.warning("a service is away: %s", error)
        return Problem(
            503, "unavailable", "Try again shortly.", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
    return _internal_error(error)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """REST framework's hook. An error nobody foresaw is logged, and signalled as Django signals
    it.
    """
    problem = problem_of(error)
    if problem.status == 500:
        got_request_exception.send(sender=None, request=context["request"]._request)
    return problem.response()
