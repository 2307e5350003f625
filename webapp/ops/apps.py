"""Probes and metrics as a Django app."""

from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Probes and metrics."""

    name = "webapp.ops"
