"""Attribute rows follow the attributes of their products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from webapp.catalog.models import AttributeValue, Product


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield "yes" if value else "no"
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif value is not None and str(value).strip():
        yield str(value).strip()


def sync_attribute_values(products: Iterable[Product]) -> None:
    """Write the attribute rows of these saved products anew. Two queries, whatever their number."""
    products = list(products)
    AttributeValue.objects.filter(product__in=[product.pk for product in products]).delete()
    rows = {
        (product.pk, name, text[:200])
        for product in products
        for name, value in product.attributes.items()
        for text in _texts(value)
    }
    AttributeValue.objects.bulk_create(
        [
            AttributeValue(product_id=pk, name=name[:80], value=text)
            for pk, name, text in sorted(rows)
        ],
        batch_size=1000,
    )
