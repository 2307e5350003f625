"""Django application of the tools: commands and translations."""

from __future__ import annotations

from django.apps import AppConfig


class ToolsConfig(AppConfig):
    """Registers the commands and the translations of `tools`."""

    name = "tools"
