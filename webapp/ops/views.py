"""Probes and metrics for whoever runs the service. They hold no data of the catalogue but
counts.
"""

from __future__ import annotations

import os

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from webapp.ops.checks import readiness
from webapp.ops.collector import CatalogueCollector


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 while anything that an answer needs is away."""
    faults = readiness()
    ready = not any(faults.values())
    checks = {name: {"ok": not fault, "fault": fault} for name, fault in faults.items()}
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text; of all worker processes together where PROMETHEUS_MULTIPROC_DIR is set."""
    parts = [_observed(), CollectorRegistry(auto_describe=False)]
    parts[1].register(CatalogueCollector())
    return HttpResponse(b"".join(map(generate_latest, parts)), content_type=CONTENT_TYPE_LATEST)


def _observed() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry
