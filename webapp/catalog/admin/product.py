"""Products with their media, and assets on their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.forms import BaseFormSet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from webapp.catalog.admin.asset_form import MEDIA_KINDS, MediaAssetForm, MediaFormSet
from webapp.catalog.admin.pictures import asset_preview
from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.products import refresh_product, remove_products
from webapp.retrieval.models_runtime import active_space

STYLE = {"all": ["catalog/admin.css"]}


class MediaInline(admin.TabularInline):
    model = Asset
    form = MediaAssetForm
    formset = MediaFormSet
    extra = 1
    fields = ["preview", "upload", "position", "kind", "size", "error"]
    readonly_fields = ["preview", "kind", "size", "error"]
    verbose_name = _("picture or clip")
    verbose_name_plural = _("pictures and clips")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        return super().get_queryset(request).filter(kind__in=MEDIA_KINDS)

    @admin.display(description=_("preview"))
    def preview(self, asset: Asset) -> SafeString | str:
        return asset_preview(asset)

    @admin.display(description=_("size"))
    def size(self, asset: Asset) -> str:
        return _size(asset)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
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
        (_("words"), {"fields": ["language", "translations", "attributes"]}),
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
        self, request: HttpRequest, form: forms.ModelForm, formsets: list[BaseFormSet], change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        added = [asset for formset in formsets for asset in formset.new_objects]  # type: ignore[attr-defined]
        refresh_product(product=form.instance, space=active_space(), media=added)

    def get_deleted_objects(
        self, objs: QuerySet[Product], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """A product takes its assets along; on their own they are not deleted."""
        doomed, counts, forbidden, protected = super().get_deleted_objects(objs, request)
        return doomed, counts, forbidden - {Asset._meta.verbose_name}, protected

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        remove_products([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        remove_products(list(queryset.values_list("pk", flat=True)))


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    """Assets are changed on their product's page."""

    list_display = ["preview", "product", "kind", "role", "position", "size", "encodable"]
    list_filter = ["kind", ("error", admin.EmptyFieldListFilter)]
    list_select_related = ["product"]
    search_fields = ["product__sku", "content_hash", "source"]
    show_full_result_count = False
    fields = [
        "product", "kind", "role", "preview", "position", "source", "content_hash", "size", "error", "created_at",
    ]  # fmt: skip

    class Media:
        css = STYLE

    @admin.display(description=_("preview"))
    def preview(self, asset: Asset) -> SafeString | str:
        return asset_preview(asset)

    @admin.display(description=_("size"))
    def size(self, asset: Asset) -> str:
        return _size(asset)

    @admin.display(description=_("usable"), boolean=True)
    def encodable(self, asset: Asset) -> bool:
        return not asset.error


def _size(asset: Asset) -> str:
    parts = []
    if asset.width and asset.height:
        parts.append(f"{asset.width} × {asset.height}")
    if asset.duration_s:
        parts.append(f"{asset.duration_s:.1f} s")
    if asset.bytes:
        parts.append(f"{asset.bytes / 1024:,.0f} KiB")
    return ", ".join(parts) or "–"
