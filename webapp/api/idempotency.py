"""Idempotency-Key on POST: a repeated request gets the response of the first one, for a day.

Source: draft-ietf-httpapi-idempotency-key-header. Only successful responses are stored, so after a
failure the caller can retry with the same key.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from webapp.api.access import caller_name
from webapp.api.models import IdempotentRequest
from webapp.api.parsing import json_body
from webapp.api.problems import Conflict, KeyReused

KEY_PATTERN = re.compile(r"[!-~]{1,255}")
RETENTION = dt.timedelta(hours=24)
ABANDONED_AFTER = dt.timedelta(minutes=15)
"""A request without a response after this time was lost with its process."""
STORED_HEADERS = ("Location",)

Handler = Callable[..., HttpResponse]


def idempotent(handler: Handler) -> Handler:
    """Decorate a method of a view that responds with JSON."""

    @functools.wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not KEY_PATTERN.fullmatch(key):
            raise ParseError("Idempotency-Key must be 1 to 255 visible ASCII characters.")
        record, is_new = _claim(caller_name(request), key, request_digest(request))
        if not is_new:
            return _replay(record)
        try:
            response = handler(view, request, *args, **kwargs)
        except BaseException:
            record.delete()
            raise
        _store(record, response)
        return response

    return handle


def request_digest(request: Request) -> str:
    """Return the SHA-256 of method, path and content.

    A multipart body is hashed part by part, because its boundary is random.
    """
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if (body := json_body(request)) is not None:
        digest.update(body)
        return digest.hexdigest()
    fields = sorted((name, request.POST.getlist(name)) for name in request.POST)
    digest.update(json.dumps(fields).encode())
    for name, file in sorted(request.FILES.items()):
        digest.update(json.dumps([name, file.name, file.size]).encode())
        for chunk in file.chunks():
            digest.update(chunk)
        file.seek(0)
    return digest.hexdigest()


def _claim(caller: str, key: str, digest: str) -> tuple[IdempotentRequest, bool]:
    """Return the record of this key, and whether this request is the first one with it.

    Raises KeyReused if the key belongs to another request, Conflict while the first request runs.
    """
    now = timezone.now()
    with transaction.atomic():
        records = IdempotentRequest.objects.filter(caller=caller, key=key)
        IdempotentRequest.objects.filter(created_at__lt=now - RETENTION).delete()
        records.filter(status=None, created_at__lt=now - ABANDONED_AFTER).delete()
        record, is_new = IdempotentRequest.objects.get_or_create(
            caller=caller, key=key, defaults={"digest": digest, "created_at": now}
        )
    if record.digest != digest:
        raise KeyReused("This Idempotency-Key belongs to another request.")
    if not is_new and record.status is None:
        raise Conflict("The request with this Idempotency-Key is still running.")
    return record, is_new


def _store(record: IdempotentRequest, response: HttpResponse) -> None:
    if not 200 <= response.status_code < 300:
        record.delete()
        return
    record.status = response.status_code
    record.body = json.loads(response.content) if response.content else None
    record.headers = {name: response[name] for name in STORED_HEADERS if name in response}
    record.save(update_fields=["status", "body", "headers"])


def _replay(record: IdempotentRequest) -> HttpResponse:
    headers = {**record.headers, "Idempotent-Replayed": "true"}
    content = b"" if record.body is None else json.dumps(record.body).encode()
    return HttpResponse(
        content, status=record.status, content_type="application/json", headers=headers
    )
