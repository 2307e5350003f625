"""The form of the upload page."""

from __future__ import annotations

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from search.errors import InputError
from webapp.catalog.models import Upload
from webapp.catalog.models.upload import UploadSource
from webapp.importing.service import create_upload


class UploadForm(forms.Form):
    """A catalogue file, its media and options."""

    file = forms.FileField(
        label=_("Catalogue file"),
        max_length=255,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.jsonl,.ndjson"}),
        help_text=_(
            "CSV, Excel (.xlsx) or JSON Lines, one product per row. The sku column is required."
        ),
    )
    media_zip = forms.FileField(
        label=_("Zip with media"),
        required=False,
        max_length=255,
        widget=forms.ClearableFileInput(attrs={"accept": ".zip"}),
        help_text=_(
            "The files named in the columns images, audio and video. Not needed for web addresses."
        ),
    )
    dry_run = forms.BooleanField(
        label=_("Dry run"),
        required=False,
        help_text=_("Checks every row and every media file, changes nothing."),
    )
    remove_absent = forms.BooleanField(
        label=_("Remove products that the file does not list"),
        required=False,
        help_text=_("For complete catalogues. If a row has no readable SKU, nothing is removed."),
    )

    def save(self, user: User) -> Upload | None:
        """Return the stored upload; None if it was refused, with the reason as a form error."""
        data = self.cleaned_data
        try:
            return create_upload(
                file=data["file"],
                source=UploadSource.ADMIN,
                media_zip=data["media_zip"],
                dry_run=data["dry_run"],
                remove_absent=data["remove_absent"],
                created_by=user,
            )
        except InputError as error:
            self.add_error(None, str(error))
            return None
