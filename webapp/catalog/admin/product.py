"""Categories, products with their media, and assets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from treebeard.admin import TreeAdmin
from treebeard.forms import movenodeform_factory

from search.modalities import MODALITIES
from webapp.catalog.admin.base import STYLE, ReadOnlyAdmin
from webapp.catalog.admin.product_form import MediaAssetForm, MediaFormSet, ProductForm
from webapp.catalog.models import Asset, AssetKind, Category, Product
from webapp.catalog.services.products import refresh_product, remove_products
from webapp.retrieval.models_runtime import active_space

THUMBNAIL_WIDTH = 160
MAX_TEXT = 200
"""Characters of a text that a list shows."""


def thumbnail_url(asset: Asset) -> str:
    suffix = PurePosixPath(str(asset.file)).suffix
    return reverse(
        "shop:thumbnail",
        kwargs={"width": THUMBNAIL_WIDTH, "content_hash": asset.content_hash, "suffix": suffix},
    )


def asset_preview(asset: Asset | None) -> SafeString | str:
    """Return a thumbnail of a picture, a player for a clip, or the text itself."""
    if asset is None or not asset.pk:
        return "–"
    if asset.kind == AssetKind.PICTURE:
        return format_html(
            '<a href="{}"><img class="asset-preview" src="{}" alt="{}" loading="lazy"></a>',
            asset.file.url,
            thumbnail_url(asset),
            asset.source or _("picture"),
        )
    if asset.kind == AssetKind.TEXT:
        text = asset.text
        return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    tag = MODALITIES[asset.kind].player_tag
    return format_html(
        f'<{tag} class="asset-preview" src="{{}}" controls preload="none"></{tag}>', asset.file.url
    )


def asset_size(asset: Asset) -> str:
    """Return pixels, seconds and kibibytes, as far as they apply."""
    parts = []
    if asset.width and asset.height:
        parts.append(f"{asset.width} × {asset.height}")
    if asset.duration_s:
        parts.append(f"{asset.duration_s:.1f} s")
    if asset.bytes:
        parts.append(f"{asset.bytes / 1024:,.0f} KiB")
    return ", ".join(parts) or "–"


class AssetColumns:
    """Columns that lists of assets share."""

    @admin.display(description=_("preview"))
    def preview(self, asset: Asset) -> SafeString | str:
        return asset_preview(asset)

    @admin.display(description=_("size"))
    def size(self, asset: Asset) -> str:
        return asset_size(asset)


@admin.register(Category)
class CategoryAdmin(TreeAdmin):  # type: ignore[misc]  # treebeard has no types
    """The category tree, with drag and drop."""

    form = movenodeform_factory(Category)
    list_display = ["name", "slug", "product_count"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        categories: QuerySet[Category] = (
            super().get_queryset(request).annotate(product_count=Count("products"))
        )
        return categories

    @admin.display(description=_("products"), ordering="product_count")
    def product_count(self, category: Any) -> int:
        count: int = category.product_count
        return count


class MediaInline(AssetColumns, admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    """Media files of a product."""

    model = Asset
    form = MediaAssetForm
    formset = MediaFormSet
    extra = 1
    fields = ["preview", "upload", "position", "kind", "size", "error"]
    readonly_fields = ["preview", "kind", "size", "error"]
    verbose_name = _("picture or clip")
    verbose_name_plural = _("pictures and clips")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        return super().get_queryset(request).filter(kind__in=MODALITIES.files)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Products, edited one at a time."""

    form = ProductForm
    list_display = ["picture", "sku", "title", "brand", "category", "money", "stock", "visible"]
    list_display_links = ["picture", "sku", "title"]
    list_filter = ["visible", ("category", admin.RelatedOnlyFieldListFilter), "language"]
    list_select_related = ["category"]
    list_per_page = 50
    search_fields = ["sku", "title", "brand"]
    autocomplete_fields = ["category"]
    readonly_fields = ["created_at", "updated_at", "index_seq"]
    inlines = [MediaInline]
    fieldsets = [
        (None, {"fields": ["sku", "title", "description", "brand", "category", "visible"]}),
        (_("offer"), {"fields": [("price", "currency"), "stock"]}),
        (_("language and attributes"), {"fields": ["language", "translations", "attributes"]}),
        (
            _("record"),
            {"fields": ["created_at", "updated_at", "index_seq"], "classes": ["collapse"]},
        ),
    ]

    class Media:
        css = STYLE

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        pictures = Asset.objects.filter(kind=AssetKind.PICTURE).order_by("position", "id")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(Prefetch("assets", pictures, to_attr="pictures"))
        )

    @admin.display(description=_("picture"))
    def picture(self, product: Product) -> SafeString | str:
        pictures: list[Asset] = product.pictures  # type: ignore[attr-defined]  # prefetched above
        return asset_preview(pictures[0]) if pictures else "–"

    @admin.display(description=_("price"), ordering="price")
    def money(self, product: Product) -> str:
        return "–" if product.price is None else f"{product.price} {product.currency}"

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[Product],
        formsets: list[BaseModelFormSet[Asset, ModelForm[Asset]]],
        change: bool,
    ) -> None:
        super().save_related(request, form, formsets, change)
        added = [asset for formset in formsets for asset in formset.new_objects]
        refresh_product(product=form.instance, space=active_space(), media=added)

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Return what is deleted too; assets need no permission of their own."""
        deleted, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, forbidden - {Asset._meta.verbose_name}, protected

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        remove_products([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        remove_products(list(queryset.values_list("pk", flat=True)))


@admin.register(Asset)
class AssetAdmin(AssetColumns, ReadOnlyAdmin):
    """Assets; they are changed on their product's page."""

    list_display = ["preview", "product", "kind", "role", "position", "size", "encodable"]
    list_filter = ["kind", ("error", admin.EmptyFieldListFilter)]
    list_select_related = ["product"]
    search_fields = ["product__sku", "content_hash", "source"]
    show_full_result_count = False
    fields = [
        "product",
        "kind",
        "role",
        "preview",
        "position",
        "source",
        "content_hash",
        "size",
        "error",
        "created_at",
    ]

    @admin.display(description=_("encodable"), boolean=True)
    def encodable(self, asset: Asset) -> bool:
        return not asset.error
