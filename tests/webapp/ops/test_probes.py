from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.test import Client
from kombu import Connection
from pytest_django import Settings

from webapp.celery import app

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]


def test_the_process_is_alive_without_a_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr(connection, "cursor", None)
        assert client.get("/healthz").json() == {"alive": True}
    assert client.post("/healthz").status_code == 405


def test_ready_when_everything_is_there(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200, response.content
    assert {name for name, check in response.json()["checks"].items() if check["ok"]} == {
        "database",
        "broker",
        "storage",
        "index",
    }
    assert "no-store" in response["Cache-Control"]
    probes = Path(default_storage.path("probes"))
    assert not list(probes.iterdir())


def fault_of(client: Client, name: str) -> str:
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert not checks[name]["ok"]
    return str(checks[name]["fault"])


def test_a_database_that_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("password of shop@10.0.0.5 is wrong")

    with monkeypatch.context() as without:
        without.setattr(connection, "cursor", away)
        fault = fault_of(client, "database")
    assert fault
    assert "10.0.0.5" not in fault


def test_a_media_store_that_cannot_be_written(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    settings.MEDIA_ROOT = str(tmp_path / "media")
    assert "media store" in fault_of(client, "storage")


def test_a_broker_that_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = partial(Connection, "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app, "connection_for_write", nowhere)
    assert "broker" in fault_of(client, "broker")
