"""Writing products: the only place that saves or removes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import transaction
from django.utils import timezone

from webapp.catalog.models import Asset, AttributeValue, Outcome, Product, RemovedProduct
from webapp.catalog.services.assets import AssetPlan, write_assets
from webapp.catalog.services.index_sequence import advance_index_sequence
from webapp.catalog.services.jobs import enqueue_jobs, notify_encoder

SEARCH_FIELDS = frozenset({"visible"})
"""Fields that change which views an index holds; texts and media do so through their assets."""


def set_values(product: Product, values: Mapping[str, Any]) -> set[str]:
    """Set fields of the product (not saved). Return the names of those that differ now."""
    changed = {name for name, value in values.items() if getattr(product, name) != value}
    for name in changed:
        setattr(product, name, values[name])
    return changed


@dataclass(slots=True)
class ProductChange:
    """A product with new values, the names of the changed fields, and its asset changes."""

    product: Product
    fields: Collection[str]
    assets: AssetPlan
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        if self.product._state.adding:
            self.outcome = Outcome.CREATED
        else:
            self.outcome = Outcome.UPDATED if self.fields or self.assets else Outcome.UNCHANGED

    @property
    def affects_search(self) -> bool:
        """Return whether the index must see the product again."""
        changed = self.assets or not SEARCH_FIELDS.isdisjoint(self.fields)
        return self.outcome == Outcome.CREATED or bool(changed)


class ProductWriter:
    """Writes any number of products with what is derived from them, in one transaction.

    All writers take their locks in this order, else two of them could deadlock:

    1. The category tree (`CategoryTree.ensure`), in a transaction before this one.
    2. The products, in id order: `lock`.
    3. Assets, attribute rows and encoding jobs.
    4. The index sequence, whose row stays locked until commit.

    Changes are collected and written when the block of `begin` ends, with a constant number of
    queries.
    """

    def __init__(self, space: str, notify: Callable[[], None]) -> None:
        self._space = space
        self._notify = notify
        self._created: list[Product] = []
        self._updated: list[Product] = []
        self._fields: set[str] = set()
        self._described: list[Product] = []
        self._assets = AssetPlan()
        self._media: list[Asset] = []
        self._touched: list[Product] = []
        self._removed: dict[int, str] = {}

    @classmethod
    @contextmanager
    def begin(
        cls, *, space: str = "", notify: Callable[[], None] = notify_encoder
    ) -> Iterator[Self]:
        """Open a transaction, and write the collected changes at its end.

        New contents are queued for encoding in `space`; then `notify` is called on commit.
        """
        with transaction.atomic():
            writer = cls(space, notify)
            yield writer
            writer._write()

    @staticmethod
    def lock(**lookup: Any) -> list[Product]:
        """Return the products of a lookup, locked until commit."""
        return list(Product.objects.select_for_update().filter(**lookup).order_by("pk"))

    def save(self, change: ProductChange) -> None:
        """Save a new or locked product."""
        if change.outcome == Outcome.CREATED:
            self._created.append(change.product)
        elif change.outcome == Outcome.UPDATED:
            self._updated.append(change.product)
            self._fields |= set(change.fields)
        if "attributes" in change.fields:
            self._described.append(change.product)
        self._assets.extend(change.assets)
        if change.affects_search:
            self._touched.append(change.product)

    def refresh(self, product: Product, texts: AssetPlan, media: Sequence[Asset]) -> None:
        """Update what is derived from a product that a form saved, with its new media assets."""
        self._described.append(product)
        self._assets.extend(texts)
        self._media += media
        self._touched.append(product)

    def remove(self, products: Iterable[Product]) -> None:
        """Delete locked products with their assets; a trace tells readers to drop their views."""
        self._removed |= {product.pk: product.sku for product in products}

    def _write(self) -> None:
        Product.objects.bulk_create(self._created)
        self._update_products()
        if self._described:
            sync_attribute_values(self._described)
        write_assets(self._assets)
        new_assets = [*self._assets.added, *self._media]
        if new_assets and enqueue_jobs(new_assets, space=self._space):
            transaction.on_commit(self._notify)
        if self._removed:
            Product.objects.filter(pk__in=list(self._removed)).delete()
        self._mark_changed()

    def _update_products(self) -> None:
        now = timezone.now()
        for product in self._updated:
            product.updated_at = now
        # A category is set by `category_id` and updated by `category`.
        names = sorted(name.removesuffix("_id") for name in self._fields)
        Product.objects.bulk_update(self._updated, [*names, "updated_at"])

    def _mark_changed(self) -> None:
        if not self._touched and not self._removed:
            return
        seq = advance_index_sequence()
        touched = [product.pk for product in self._touched]
        if touched:
            Product.objects.filter(pk__in=touched).update(index_seq=seq)
        RemovedProduct.objects.bulk_create(
            [
                RemovedProduct(product_id=pk, sku=sku, index_seq=seq)
                for pk, sku in self._removed.items()
            ]
        )


def sync_attribute_values(products: Iterable[Product]) -> None:
    """Write the attribute rows of these saved products anew, with two queries."""
    products = list(products)
    AttributeValue.objects.filter(product__in=[product.pk for product in products]).delete()
    # Products stored by an older version may hold longer names and texts than the columns.
    rows = {
        (product.pk, name[:80], text[:200])
        for product in products
        for name, value in product.attributes.items()
        for text in _attribute_texts(value)
    }
    AttributeValue.objects.bulk_create(
        [AttributeValue(product_id=pk, name=name, value=text) for pk, name, text in sorted(rows)],
        batch_size=1000,
    )


def _attribute_texts(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield "yes" if value else "no"
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _attribute_texts(item)
    elif value is not None and str(value).strip():
        yield str(value).strip()
