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


def test_the_liveness_probe_needs_no_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", None)
        assert client.get("/healthz").json() == {"alive": True}
    assert client.post("/healthz").status_code == 405


def test_the_readiness_probe_succeeds_when_all_checks_pass(client: Client) -> None:
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


def read_fault(client: Client, name: str) -> str:
    response = client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert not checks[name]["ok"]
    return str(checks[name]["fault"])


def test_a_database_that_does_not_answer_is_a_fault(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("password of shop@10.0.0.5 is wrong")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", fail)
        fault = read_fault(client, "database")
    assert fault
    assert "10.0.0.5" not in fault


def test_a_media_store_that_cannot_be_written_is_a_fault(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    settings.MEDIA_ROOT = str(tmp_path / "media")
    assert "media store" in read_fault(client, "storage")


def test_a_broker_that_does_not_answer_is_a_fault(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = partial(Connection, "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app, "connection_for_write", unreachable)
    assert "broker" in read_fault(client, "broker")
