"""Counting clicks at once, on both databases."""

from __future__ import annotations

import pytest

from tests.support.installation import Installation

COUNT = """
from concurrent.futures import ThreadPoolExecutor
from django.db import connection
from webapp.catalog.models import Product
from webapp.clicklog.selectors import clicked_queries
from webapp.clicklog.services import add_clicks

ids = [Product.objects.create(sku=f"P-{n}", title="Thing").pk for n in range(5)]

def count(worker):
    for _ in range(20):
        add_clicks({("mug", product): 1 for product in (ids if worker % 2 else ids[::-1])})
    connection.close()

with ThreadPoolExecutor(8) as pool:
    list(pool.map(count, range(8)))
print([clicks for _, _, clicks in clicked_queries()])
try:
    add_clicks({("mug", ids[0]): 1, ("mug", ids[-1] + 1): 1})
except Product.DoesNotExist:
    print(sum(clicks for _, _, clicks in clicked_queries()))
"""


@pytest.mark.e2e
def test_no_click_is_lost(installation: Installation) -> None:
    assert installation.shell(COUNT).split("\n")[:2] == ["[160, 160, 160, 160, 160]", "800"]
