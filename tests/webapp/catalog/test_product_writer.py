"""The transaction of ProductWriter: rows, locks, index sequence."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from webapp.catalog.models import IndexJob, Outcome, Product, RemovedProduct
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.services.assets import AssetPlan, plan_texts
from webapp.catalog.services.product_writer import ProductChange, ProductWriter, set_values
from webapp.catalog.services.products import remove_products

pytestmark = pytest.mark.django_db


def write(*skus: str, **values: object) -> list[ProductChange]:
    """Create these products, or set values of those that exist."""
    with ProductWriter.begin(space="s") as writer:
        stored = {product.sku: product for product in writer.lock(sku__in=skus)}
        changes = []
        for sku in skus:
            product = stored.get(sku) or Product(sku=sku, title=sku)
            changed = set_values(product, values)
            changes.append(ProductChange(product, changed, plan_texts(product)))
            writer.save(changes[-1])
    return changes


def test_a_new_product_gets_its_assets_jobs_and_attribute_rows() -> None:
    [change] = write("A", title="Alpha", attributes={"colour": ["red", "blue"]})
    product = Product.objects.get()
    assert change.outcome == Outcome.CREATED
    assert list(product.assets.values_list("text", flat=True)) == ["Alpha"]
    assert IndexJob.objects.get().space == "s"
    assert set(product.attribute_values.values_list("value", flat=True)) == {"red", "blue"}
    assert product.index_seq == get_index_sequence() == 1


def test_equal_values_write_nothing() -> None:
    write("A", title="Alpha")
    before = Product.objects.values().get()
    [change] = write("A", title="Alpha")
    assert change.outcome == Outcome.UNCHANGED
    assert Product.objects.values().get() == before


@pytest.mark.parametrize(
    ("values", "sequence"), [({"brand": "Kiln"}, 1), ({"visible": False}, 2), ({"title": "B"}, 2)]
)
def test_only_changes_that_search_returns_raise_the_index_sequence(
    values: dict[str, object], sequence: int
) -> None:
    write("A", title="Alpha")
    [change] = write("A", **values)
    assert change.outcome == Outcome.UPDATED
    assert Product.objects.get().index_seq == get_index_sequence() == sequence


def test_removed_products_leave_a_trace_under_one_sequence_number() -> None:
    write("A", "B", "C")
    gone = list(Product.objects.filter(sku__in="AB").values_list("pk", flat=True))
    assert remove_products([*gone, 999]) == 2
    assert set(RemovedProduct.objects.values_list("sku", "index_seq")) == {("A", 2), ("B", 2)}
    assert remove_products(gone) == 0
    assert get_index_sequence() == 2


def test_an_error_undoes_everything() -> None:
    with pytest.raises(ZeroDivisionError), ProductWriter.begin(space="s") as writer:
        writer.save(ProductChange(Product(sku="A", title="Alpha"), (), AssetPlan()))
        raise ZeroDivisionError
    assert not Product.objects.exists()
    assert get_index_sequence() == 0


def test_the_index_sequence_is_locked_last() -> None:
    write("A", title="Alpha")
    with CaptureQueriesContext(connection) as captured:
        write("A", title="Beta", attributes={"a": "b"})
    written = [
        query["sql"].split('"')[1]
        for query in captured
        if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))
    ]
    clock = written.index("catalog_indexclock")
    assert set(written[:clock]) >= {"catalog_product", "catalog_asset", "catalog_indexjob"}
    assert written[clock + 1 :] == ["catalog_product"], "only the number itself follows"


def test_queries_do_not_grow_with_the_number_of_products() -> None:
    def count(*skus: str) -> int:
        with CaptureQueriesContext(connection) as captured, ProductWriter.begin(space="s") as new:
            for sku in skus:
                product = Product(sku=sku, title=f"Product {sku}")
                new.save(ProductChange(product, {"attributes"}, plan_texts(product)))
        return len(captured)

    write("Z")
    assert count("A") == count("B", "C", "D", "E")
