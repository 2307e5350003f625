"""What all endpoints share: scopes, a bounded body, rate headers and JSON responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from webapp.api.parsing import JsonBytes
from webapp.api.problems import BodyTooLarge
from webapp.api.scopes import Scope


class ApiView(APIView):
    """An endpoint.

    `scopes` names the scope that each method needs. Methods in `public` need none while anonymous
    search is on.
    """

    scopes: ClassVar[Mapping[str, Scope]] = {}
    public: ClassVar[frozenset[str]] = frozenset()
    body_max_bytes: ClassVar[int] = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    parser_classes = [JsonBytes]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body that is too large before it is read.

        Web servers pass no body without a length, so the header is enough.
        """
        super().initial(request, *args, **kwargs)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > self.body_max_bytes:
            raise BodyTooLarge(
                f"The body has {length} bytes; at most {self.body_max_bytes} are accepted."
            )

    def finalize_response(  # type: ignore[override]  # DRF handles any response of Django
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Add the rate headers."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        if state := getattr(request, "rate_state", None):
            for name, value in state.headers.items():
                response[name] = value
        return response


@extend_schema(exclude=True)
class NotFoundView(ApiView):
    """Unknown addresses under /api/: a problem document instead of Django's page."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> NoReturn:
        """Raise NotFound, whatever the method."""
        super().initial(request, *args, **kwargs)
        raise NotFound


def json_response(
    content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a JSON response. `content` holds plain values only, such as a schema writes."""
    return JsonResponse(
        content,
        status=status,
        headers=dict(headers or {}),
        json_dumps_params={"ensure_ascii": False},
    )
