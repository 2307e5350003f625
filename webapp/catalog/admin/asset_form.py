"""Adding a media file to a product by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.base import File
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext_lazy as _

from search.errors import MediaError
from webapp.catalog.models import Asset, AssetKind
from webapp.catalog.services.media import store_media


class MediaAssetForm(forms.ModelForm):
    """A new asset is made from a file, which must open; of an existing one only the place can be
    changed.
    """

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

    def clean_upload(self) -> File | None:
        upload = self.cleaned_data["upload"]
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
        if (
            not self.instance.pk
            and self.has_changed()
            and not self.instance.content_hash
            and not self.errors
        ):
            self.add_error("upload", _("Choose a file."))
        return self.cleaned_data


class MediaFormSet(BaseInlineFormSet):
    """Refuses a file that the product shows already."""

    def clean(self) -> None:
        super().clean()
        seen: set[tuple[str, str]] = set()
        for form in self.forms:
            key = (form.instance.kind, form.instance.content_hash)
            if not key[1] or form in self.deleted_forms:
                continue
            if key in seen:
                form.add_error("upload", _("The product shows this file already."))
            seen.add(key)


MEDIA_KINDS = (AssetKind.PICTURE, AssetKind.AUDIO, AssetKind.VIDEO)
