"""What belongs to the site as a whole."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
@cache_control(max_age=86_400, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    """Products and categories may be indexed; result pages are endless and may not."""
    return render(request, "shop/robots.txt", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(max_age=86_400, public=True)
def favicon(request: HttpRequest) -> HttpResponse:
    """For whoever asks at the customary place; pages name the drawn icon themselves."""
    return HttpResponseRedirect(static("shop/icon.svg"))
