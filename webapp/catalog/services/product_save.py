"""One product by its sku, as the REST API writes it. Bulk writes are webapp.importing's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from search.errors import InputError
from search.types import Space
from webapp.catalog.models import Outcome, Product
from webapp.catalog.services.products import product_sync
from webapp.importing.categories import CategoryTree


def product_save(
    *, sku: str, values: Mapping[str, Any], space: Space, create: bool = True
) -> tuple[Product, Outcome]:
    """Create the product of this sku, or change the fields in `values`; the others stay.

    `category` is given as the path of names from the root, () for none. New texts are queued for
    encoding in `space`. Saving what is there already changes nothing. Raises InputError for a
    price without a currency, and Product.DoesNotExist where `create` is False and there is none.
    """
    fields = dict(values)
    if "category" in fields:
        # Before the transaction: the tree is locked by the clock's row, which must be locked after
        # the product's.
        fields["category_id"] = _category_id(tuple(fields.pop("category")))
    try:
        return _save(sku, fields, space, create=create)
    except IntegrityError:
        # Another caller created it in the meantime, so now it is found.
        return _save(sku, fields, space, create=create)


def _save(
    sku: str, fields: Mapping[str, Any], space: Space, *, create: bool
) -> tuple[Product, Outcome]:
    with transaction.atomic():
        stored = Product.objects.select_for_update().filter(sku=sku).first()
        if stored is None and not create:
            raise Product.DoesNotExist(sku)
        product = stored or Product(sku=sku)
        if not _apply(product, fields) and stored:
            return product, Outcome.UNCHANGED
        product.save()
        product_sync(product=product, space=space)
    return product, Outcome.UPDATED if stored else Outcome.CREATED


def _apply(product: Product, fields: Mapping[str, Any]) -> set[str]:
    """Write the fields to the product (not saved). Returns those that differ now."""
    changed = {name for name, value in fields.items() if getattr(product, name) != value}
    for name in changed:
        setattr(product, name, fields[name])
    if product.price is not None and not product.currency:
        raise InputError(
            "a price needs a currency",
            value=product.currency,
            fix="Give three letters such as EUR.",
        )
    return changed


def _category_id(path: tuple[str, ...]) -> int | None:
    if not path:
        return None
    tree = CategoryTree()
    tree.ensure([path])
    return tree.ids[path]
