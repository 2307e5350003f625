"""The Django app of the indexer."""

from django.apps import AppConfig


class IndexerConfig(AppConfig):
    """Registers commands and tasks."""

    name = "indexer"
