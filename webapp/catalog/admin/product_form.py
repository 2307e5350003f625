"""Forms of a product and of its media files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.base import File
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError

from search.errors import MediaError
from webapp.catalog.models import Asset, Product
from webapp.catalog.product_fields import ProductFields, normalise_sku
from webapp.catalog.services.assets import store_media


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A product. Changed fields are validated and normalised as in REST and uploads."""

    class Meta:
        model = Product
        fields = [
            "sku",
            "title",
            "description",
            "brand",
            "category",
            "visible",
            "price",
            "currency",
            "stock",
            "language",
            "translations",
            "attributes",
        ]

    def clean_sku(self) -> str:
        sku: str = self.cleaned_data["sku"]
        if "sku" not in self.changed_data:
            return sku
        try:
            return normalise_sku(sku)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        values = {
            name: cleaned[name]
            for name in ProductFields.model_fields.keys() - {"category"}
            if name in self.changed_data and name in cleaned
        }
        try:
            fields = ProductFields.model_validate(values)
        except ValidationError as error:
            for item in error.errors():
                self.add_error(str(item["loc"][0]), item["msg"])
            return cleaned
        return cleaned | fields.model_dump(include=set(values))


class MediaAssetForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A new asset is made from a file; of an existing one only the position can be changed."""

    upload = forms.FileField(
        label=_("file"), required=False, help_text=_("picture, audio clip or video")
    )

    class Meta:
        model = Asset
        fields = ["upload", "position"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["upload"].widget = forms.HiddenInput()

    def clean_upload(self) -> File[Any] | None:
        upload: File[Any] | None = self.cleaned_data["upload"]
        if self.instance.pk or upload is None:
            return upload
        try:
            stored = store_media(content=upload)
        except MediaError as error:
            raise forms.ValidationError(str(error)) from error
        self.instance.kind = stored.kind
        self.instance.file = stored.name
        for name in ("content_hash", "source", "bytes", "width", "height", "duration_s"):
            setattr(self.instance, name, getattr(stored, name))
        return upload

    def clean(self) -> dict[str, Any]:
        has_file = self.instance.pk or self.instance.content_hash
        if self.has_changed() and not has_file and not self.errors:
            self.add_error("upload", _("Choose a file."))
        return self.cleaned_data


class MediaFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # not subscriptable at run time
    """Refuses a file that the product shows already."""

    def clean(self) -> None:
        super().clean()
        seen: set[tuple[str, str]] = set()
        for form in self.forms:
            key = (form.instance.kind, form.instance.content_hash)
            if not key[1] or form in self.deleted_forms:
                continue
            if key in seen:
                form.add_error("upload", _("The product has this file already."))
            seen.add(key)
