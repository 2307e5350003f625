"""Files that browsers and crawlers request at well-known URLs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
@cache_control(max_age=86_400, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    """Serve /robots.txt: crawlers may index products and categories, but no search results."""
    return render(request, "shop/robots.txt", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(max_age=86_400, public=True)
def favicon(request: HttpRequest) -> HttpResponse:
    """Serve /favicon.ico; pages link the SVG."""
    return HttpResponseRedirect(static("shop/icon.svg"))
