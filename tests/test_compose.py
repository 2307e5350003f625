"""docker-compose.yml matches the code that it starts. No Docker engine is needed."""

from __future__ import annotations

import re
from typing import Any

import yaml

from search.config import EngineSettings
from tests.support.paths import ROOT
from webapp.config import WebSettings

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_all_processes_of_the_product_have_a_service() -> None:
    usual = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert usual == {"postgres", "redis", "web", "encode-worker", "index-worker", "beat", "migrate"}


def test_milvus_has_a_profile_and_pinned_images() -> None:
    optional = {name: service for name, service in SERVICES.items() if "profiles" in service}
    assert set(optional) == {"etcd", "minio", "milvus"}
    for name, service in optional.items():
        assert service["profiles"] == ["milvus"], name
        assert re.fullmatch(r"[a-z0-9./]+:(v\d+\.\d+\.\d+|RELEASE\.[0-9TZ-]+)", service["image"]), (
            name
        )
        assert service["volumes"], name
        assert "ports" not in service, f"only other services reach {name}"
    assert set(optional["milvus"]["depends_on"]) == {"etcd", "minio"}
    for name in set(SERVICES) - set(optional):
        assert not set(SERVICES[name].get("depends_on", {})) & set(optional), (
            "other services start without Milvus"
        )


def test_long_running_services_have_health_checks() -> None:
    for name, service in SERVICES.items():
        assert name == "migrate" or service["healthcheck"]["test"], name


def test_only_known_settings_are_passed() -> None:
    known = {
        f"OMNISHELF_{name.upper()}"
        for model in (EngineSettings, WebSettings)
        for name in model.model_fields
    }
    for name, service in SERVICES.items():
        given = {key for key in service.get("environment", {}) if key.startswith("OMNISHELF_")}
        assert given <= known, name


def test_services_that_lock_the_index_have_no_memory_lock_limit() -> None:
    locking = [
        service
        for service in SERVICES.values()
        if "OMNISHELF_INDEX_LOCK_MEMORY" in service.get("environment", {})
    ]
    assert locking
    assert all(service["ulimits"]["memlock"] == -1 for service in locking)


def test_workers_consume_every_routed_queue() -> None:
    from django.conf import settings

    consumed = set()
    for service in SERVICES.values():
        command = service.get("command", [])
        if "--queues" in command:
            consumed |= set(command[command.index("--queues") + 1].split(","))
    assert consumed == {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}


def test_dependencies_and_volumes_are_declared() -> None:
    declared = set(COMPOSE["volumes"])
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        named = {
            mount.split(":")[0]
            for mount in service.get("volumes", [])
            if re.match(r"^[a-z]", mount)
        }
        assert named <= declared, name


def test_the_encode_worker_reserves_a_gpu_and_secrets_have_no_default() -> None:
    devices = SERVICES["encode-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert re.search(r"\$\{OMNISHELF_SECRET_KEY:\?", text)
    assert not re.search(r"POSTGRES_PASSWORD:-", text)
    assert "minioadmin" not in text
