"""What every endpoint does: scopes, a bounded body, rate headers, plain JSON answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from webapp.api.parsing import JsonBytes
from webapp.api.problems import BodyTooLarge
from webapp.api.scopes import Scope


class ApiView(APIView):
    """An endpoint. `scopes` names the scope each method needs; `public` methods need none while
    search is open.
    """

    scopes: ClassVar[Mapping[str, Scope]] = {}
    public: ClassVar[frozenset[str]] = frozenset()
    body_max_bytes: ClassVar[int] = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    parser_classes: ClassVar[list[type[BaseParser]]] = [JsonBytes]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Before anything of the body is read. A server passes no body without a length."""
        super().initial(request, *args, **kwargs)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > self.body_max_bytes:
            raise BodyTooLarge(
                f"The body has {length} bytes; at most {self.body_max_bytes} are accepted."
            )

    def finalize_response(
        self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        response = super().finalize_response(request, response, *args, **kwargs)
        if state := getattr(request, "rate_state", None):
            for name, value in state.headers.items():
                response[name] = value
        return response


def answer(
    content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A JSON answer. Made of plain values already, so that nothing is left to a serializer."""
    return JsonResponse(
        content,
        status=status,
        headers=dict(headers or {}),
        json_dumps_params={"ensure_ascii": False},
    )
