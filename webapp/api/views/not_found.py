"""Addresses under /api/ that lead nowhere get a problem document as well."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from webapp.api.views.base import ApiView


@extend_schema(exclude=True)
class FallbackView(ApiView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Whatever the method."""
        super().initial(request, *args, **kwargs)
        raise NotFound
