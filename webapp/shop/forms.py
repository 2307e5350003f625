"""The shopper's input, validated with messages in the shopper's language."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from webapp.retrieval.search_query import MAX_TEXT_LENGTH, Sort
from webapp.shop.search_params import Wish, read_filters

SORTS = (
    (Sort.RELEVANCE, _("Best match")),
    (Sort.PRICE_ASC, _("Price: low to high")),
    (Sort.PRICE_DESC, _("Price: high to low")),
    (Sort.NEWEST, _("Newest")),
)

BROWSE_SORTS = (SORTS[3], SORTS[1], SORTS[2])
"""Where nothing is asked there is no best match, and the newest products come first."""


class WishForm(forms.Form):
    """The address of a results page. Unknown parameters are ignored: links from elsewhere carry
    their own.
    """

    q = forms.CharField(label=_("Words"), required=False, max_length=MAX_TEXT_LENGTH)
    picture_token = forms.CharField(required=False, max_length=20_000)
    sound_token = forms.CharField(required=False, max_length=20_000)
    like = forms.CharField(required=False, max_length=64)
    category = forms.SlugField(label=_("Category"), required=False, max_length=160)
    price_min = forms.DecimalField(
        label=_("Lowest price"), required=False, min_value=0, max_digits=12, decimal_places=2
    )
    price_max = forms.DecimalField(
        label=_("Highest price"), required=False, min_value=0, max_digits=12, decimal_places=2
    )
    in_stock = forms.BooleanField(required=False)
    sort = forms.ChoiceField(label=_("Sort by"), required=False, choices=SORTS)
    cursor = forms.CharField(required=False, max_length=2_000)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        low, high = cleaned.get("price_min"), cleaned.get("price_max")
        if low is not None and high is not None and low > high:
            self.add_error("price_min", _("The lowest price is above the highest price."))
        return cleaned


def read_wish(params: QueryDict, *, category: str = "") -> Wish:
    """The wish of an address; `category` is given by the path of category pages. Raises
    forms.ValidationError.
    """
    form = WishForm(params)
    if not form.is_valid():
        raise forms.ValidationError(
            [
                f"{form[name].label}: {message}"
                for name, messages in form.errors.items()
                for message in messages
            ]
        )
    cleaned = form.cleaned_data
    return Wish(
        text=cleaned["q"],
        picture_token=cleaned["picture_token"],
        sound_token=cleaned["sound_token"],
        like=cleaned["like"],
        filters=read_filters(params, cleaned, category),
        sort=Sort(cleaned["sort"] or Sort.RELEVANCE),
        cursor=cleaned["cursor"],
    )
