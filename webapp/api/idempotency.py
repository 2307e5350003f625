"""Idempotency-Key on POST: a repeated request gets the answer of the first one, for a day.

After draft-ietf-httpapi-idempotency-key-header. Only successful answers are remembered: after a
failure the caller may try again with the same key.
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

from webapp.api.authentication import caller_name
from webapp.api.models import REMEMBERED_FOR, IdempotentRequest
from webapp.api.problems import Conflict, KeyReused

KEY = re.compile(r"[!-~]{1,255}")
ABANDONED_AFTER = dt.timedelta(minutes=15)
"""An answer that is not there by then never comes: the process died."""
KEPT_HEADERS = ("Location",)

Handler = Callable[..., HttpResponse]


def idempotent(handler: Handler) -> Handler:
    """For a view's method that answers JSON."""

    @functools.wraps(handler)
    def handle(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not KEY.fullmatch(key):
            raise ParseError("Idempotency-Key must be 1 to 255 visible ASCII characters.")
        record, mine = _claim(caller_name(request), key, request_digest(request))
        if not mine:
            return _replay(record)
        try:
            response = handler(view, request, *args, **kwargs)
        except BaseException:
            record.delete()
            raise
        _remember(record, response)
        return response

    return handle


def request_digest(request: Request) -> str:
    """SHA-256 over method, path and content. A multipart body is taken by its parts: its
    boundary is random.
    """
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if isinstance(request.data, bytes):
        digest.update(request.data)
        return digest.hexdigest()
    digest.update(
        json.dumps(sorted((name, request.POST.getlist(name)) for name in request.POST)).encode()
    )
    for name, file in sorted(request.FILES.items()):
        digest.update(json.dumps([name, file.name, file.size]).encode())
        for chunk in file.chunks():
            digest.update(chunk)
        file.seek(0)
    return digest.hexdigest()


def _claim(caller: str, key: str, digest: str) -> tuple[IdempotentRequest, bool]:
    """The record of this key, and whether this request is the one to be carried out."""
    now = timezone.now()
    with transaction.atomic():
        records = IdempotentRequest.objects.filter(caller=caller, key=key)
        IdempotentRequest.objects.filter(created_at__lt=now - REMEMBERED_FOR).delete()
        records.filter(status=None, created_at__lt=now - ABANDONED_AFTER).delete()
        record, mine = IdempotentRequest.objects.get_or_create(
            caller=caller, key=key, defaults={"digest": digest, "created_at": now}
        )
    if record.digest != digest:
        raise KeyReused("This Idempotency-Key was used for another request.")
    if not mine and record.status is None:
        raise Conflict("The request with this Idempotency-Key is still being carried out.")
    return record, mine


def _remember(record: IdempotentRequest, response: HttpResponse) -> None:
    if not 200 <= response.status_code < 300:
        record.delete()
        return
    record.status = response.status_code
    record.body = json.loads(response.content) if response.content else None
    record.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    record.save(update_fields=["status", "body", "headers"])


def _replay(record: IdempotentRequest) -> HttpResponse:
    headers = {**record.headers, "Idempotent-Replayed": "true"}
    content = b"" if record.body is None else json.dumps(record.body).encode()
    return HttpResponse(
        content, status=record.status, content_type="application/json", headers=headers
    )
