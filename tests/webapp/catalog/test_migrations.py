"""Migrations that change rows."""

from __future__ import annotations

import unicodedata
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from webapp.catalog.models import Product

pytestmark = pytest.mark.django_db


def test_skus_are_normalised_unless_the_normal_form_is_taken() -> None:
    migration = import_module("webapp.catalog.migrations.0009_sku_nfc")
    decomposed = [unicodedata.normalize("NFD", sku) for sku in ("café", "thé")]
    for sku in (*decomposed, "thé", "plain"):
        Product.objects.create(sku=sku, title=sku)
    migration.normalise_skus(apps, SimpleNamespace(connection=connection))
    assert set(Product.objects.values_list("sku", flat=True)) == {
        "café",
        "thé",
        decomposed[1],
        "plain",
    }
