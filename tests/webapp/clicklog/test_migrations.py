"""The move of the click log from the app `shop` to `clicklog`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps.registry import Apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Manager

from webapp.catalog.models import Product
from webapp.clicklog.models import ClickCount

Targets = list[tuple[str, str | None]]
BEFORE: Targets = [("shop", "0001_click_log"), ("clicklog", None)]
AFTER: Targets = [("shop", "0002_click_log_moves"), ("clicklog", "0001_initial")]


def migrate(targets: Targets) -> Apps:
    return MigrationExecutor(connection).migrate(targets).apps


def old_click_counts(apps: Apps) -> Manager[Any]:
    state: Any = apps  # mypy knows today's models only
    manager: Manager[Any] = state.get_model("shop", "ClickCount").objects
    return manager


@pytest.fixture
def apps_before(transactional_db: None) -> Iterator[Apps]:
    """The database as the release before left it."""
    yield migrate(BEFORE)
    migrate(AFTER)
    ContentType.objects.clear_cache()


@pytest.mark.django_db(transaction=True)
def test_rows_and_permissions_survive_the_move(apps_before: Apps) -> None:
    mug = Product.objects.create(sku="M", title="Mug")
    row = old_click_counts(apps_before).create(
        query="mug", product_id=mug.pk, day=dt.date(2026, 1, 2), count=7
    )
    kind, _ = ContentType.objects.get_or_create(app_label="shop", model="clickcount")
    permission, _ = Permission.objects.get_or_create(
        content_type=kind, codename="add_clickcount", defaults={"name": "Can add click count"}
    )
    user = User.objects.create_user("service")
    user.user_permissions.add(permission)

    migrate(AFTER)
    call_command("migrate", verbosity=0)  # Creates missing content types and permissions.

    assert list(ClickCount.objects.values_list("pk", "query", "product__sku", "count")) == [
        (row.pk, "mug", "M", 7)
    ]
    assert User.objects.get(username="service").has_perm("clicklog.add_clickcount")
    assert not ContentType.objects.filter(app_label="shop").exists()
    assert Permission.objects.filter(codename="add_clickcount").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_move_can_be_undone(apps_before: Apps) -> None:
    mug = Product.objects.create(sku="M", title="Mug")
    migrate(AFTER)
    ClickCount.objects.create(query="mug", product=mug, day=dt.date(2026, 1, 2), count=7)
    rows = old_click_counts(migrate(BEFORE))
    assert list(rows.values_list("query", "count")) == [("mug", 7)]
