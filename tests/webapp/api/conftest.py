"""Clients of the API with keys."""

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
def clear_rate_counters() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def caller(db: None) -> Caller:
    """Return a client with a key of the given scopes; without arguments, of all scopes."""

    def make(*scopes: str) -> Client:
        _, token = create_api_key(name="test", scopes=scopes or Scope.values)
        return Client(headers={"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def plain_static(settings: Settings) -> None:
    """Render pages without collected static files."""
    files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": files}
