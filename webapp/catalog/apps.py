"""The catalogue as a Django app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Products, uploads and the records of the index."""

    name = "webapp.catalog"
