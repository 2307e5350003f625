"""Probes and metrics for operators. They show counts of the catalogue and no other data."""

from __future__ import annotations

import os

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from webapp.ops.checks import check_readiness
from webapp.ops.metrics import CatalogueCollector


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer while the process runs; nothing else is checked."""
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 503 while a service that requests need does not work."""
    faults = check_readiness()
    is_ready = not any(faults.values())
    checks = {name: {"ok": not fault, "fault": fault} for name, fault in faults.items()}
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics as Prometheus text.

    Where PROMETHEUS_MULTIPROC_DIR is set, they are the sum over all worker processes.
    """
    catalogue = CollectorRegistry(auto_describe=False)
    catalogue.register(CatalogueCollector())
    content = generate_latest(_process_registry()) + generate_latest(catalogue)
    return HttpResponse(content, content_type=CONTENT_TYPE_LATEST)


def _process_registry() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
