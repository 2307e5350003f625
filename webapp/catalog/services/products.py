"""Single products: saved and removed, with their media. Uploads are webapp.importing's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError
from django.db.models import Max

from search.errors import InputError
from search.types import Modality, Space
from webapp.catalog.models import Asset, AssetKind, Outcome, Product
from webapp.catalog.product_fields import check_price_currency, normalise_sku
from webapp.catalog.services.assets import AssetPlan, make_file_assets, plan_texts, store_media
from webapp.catalog.services.categories import CategoryTree
from webapp.catalog.services.product_writer import ProductChange, ProductWriter, set_values


def save_product(
    *, sku: str, values: Mapping[str, Any], space: Space, create: bool = True
) -> tuple[Product, Outcome]:
    """Create the product of this SKU, or change the fields in `values`; the others stay.

    `category` is the path of names from the root, empty for none. New texts are queued for
    encoding in `space`. Equal values change nothing. Raises InputError for an invalid SKU and for
    a price without a currency, and Product.DoesNotExist if `create` is False and there is none.
    """
    fields = dict(values)
    if "category" in fields:
        fields["category_id"] = _ensure_category(tuple(fields.pop("category")))
    try:
        return _save(sku, fields, space, create=create)
    except IntegrityError:
        # Another caller created it in the meantime, so now there is one to update.
        return _save(sku, fields, space, create=create)


def _save(
    sku: str, fields: Mapping[str, Any], space: Space, *, create: bool
) -> tuple[Product, Outcome]:
    with ProductWriter.begin(space=space.fingerprint) as writer:
        product = next(iter(writer.lock(sku=sku)), None)
        if product is None:
            if not create:
                raise Product.DoesNotExist(sku)
            product = _new_product(sku)
        changed = set_values(product, fields)
        try:
            check_price_currency(product.price, product.currency)
        except ValueError as error:
            raise InputError(
                str(error), value=product.currency, fix="Give three letters such as EUR."
            ) from error
        change = ProductChange(product, changed, plan_texts(product))
        writer.save(change)
    return product, change.outcome


def _new_product(sku: str) -> Product:
    try:
        return Product(sku=normalise_sku(sku))
    except ValueError as error:
        raise InputError(f"the SKU {error}", value=sku) from error


def _ensure_category(path: tuple[str, ...]) -> int | None:
    if not path:
        return None
    tree = CategoryTree()
    tree.ensure([path])
    return tree.ids[path]


def refresh_product(*, product: Product, space: Space, media: Sequence[Asset] = ()) -> None:
    """Update texts, jobs, attribute rows and the index of a product that a form saved.

    `media` are its new media assets, which the form saved too.
    """
    with ProductWriter.begin(space=space.fingerprint) as writer:
        writer.refresh(product, plan_texts(product), media)


def remove_products(product_ids: Collection[int]) -> int:
    """Delete products with their assets. Returns their number."""
    with ProductWriter.begin() as writer:
        products = writer.lock(pk__in=product_ids)
        writer.remove(products)
    return len(products)


def add_asset(
    *, product: Product, file: File[Any], space: str, wanted: Modality | None = None
) -> tuple[Asset, bool]:
    """Store a media file as the product's last of its kind, and queue it for encoding.

    Returns the asset and whether it is new: a product shows a content once. Raises InputError
    for an empty file, MediaTooLarge, MediaUnreadable, or MediaUnsupported (also for a file of
    another kind than `wanted`), and Product.DoesNotExist when the product was deleted meanwhile.
    """
    if not file.size:
        raise InputError("the file is empty", value=file.name)
    [asset] = make_file_assets(product, [store_media(content=file, wanted=wanted)])
    with ProductWriter.begin(space=space) as writer:
        if not writer.lock(pk=product.pk):
            raise Product.DoesNotExist(product.sku)
        siblings = Asset.objects.filter(product=product, kind=asset.kind)
        if (stored := siblings.filter(content_hash=asset.content_hash).first()) is not None:
            return stored, False
        last = siblings.aggregate(last=Max("position"))["last"]
        asset.position = 0 if last is None else last + 1
        writer.save(ProductChange(product, (), AssetPlan(added=[asset])))
    return asset, True


def remove_asset(*, asset: Asset) -> None:
    """Remove a media file from its product. The stored file stays: other products may show it.

    Raises InputError for a text, because texts follow the product's fields.
    """
    if asset.kind == AssetKind.TEXT:
        raise InputError(
            "a text cannot be removed alone",
            value=asset.role,
            fix="Change the product's fields.",
        )
    with ProductWriter.begin() as writer:
        for product in writer.lock(pk=asset.product_id):
            writer.save(ProductChange(product, (), AssetPlan(removed=[asset.pk])))
