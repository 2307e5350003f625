"""Callers of the API: without a key, and with a key of every scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from webapp.api.api_keys import create_api_key
from webapp.api.scopes import Scope

Caller = Callable[..., Client]


@pytest.fixture(autouse=True)
def no_rates_left_over() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def caller(db: None) -> Caller:
    """A client that sends a key with the given scopes; all of them without arguments."""

    def make(*scopes: str) -> Client:
        _, token = create_api_key(name="test", scopes=scopes or Scope.values)
        return Client(headers={"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def plain_static(settings: Settings) -> None:
    """Pages without collected static files."""
    files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": files}
