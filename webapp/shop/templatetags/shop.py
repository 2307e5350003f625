"""Tags and filters of the shop's templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.numbers import format_currency, format_decimal
from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from search.types import Evidence
from webapp.catalog.models import Asset, Product
from webapp.clicklog.tokens import ClickTokens
from webapp.shop import data_translations
from webapp.shop.audio_input import AudioInput, audio_input_options
from webapp.shop.match_reasons import MatchReason, best_per_modality, explain
from webapp.shop.media_files import THUMBNAIL_WIDTHS, split_stored_name
from webapp.shop.result_links import ResultLink, product_link

register = template.Library()
register.filter("translate_value", data_translations.translate_value)
register.filter("swatch_colour", data_translations.swatch_colour)
register.filter("field_label", data_translations.field_label)

_UNSAFE_IN_SCRIPT = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026"})


def _locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))


@register.filter
def money(product: Product) -> str:
    """Return the price in the format of the shopper's language, '' where none is set."""
    if product.price is None:
        return ""
    return format_currency(product.price, product.currency, locale=_locale())


@register.filter
def number(value: int | Decimal) -> str:
    """Return a number in the format of the shopper's language: 1234 → '1,234'."""
    return format_decimal(value, locale=_locale())


@register.simple_tag
def audio_input() -> AudioInput:
    """Return what the search box can do with a recording."""
    return audio_input_options()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return a decorative icon; the text next to it says what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("shop/icons.svg"),
        name,
    )


@register.inclusion_tag("shop/parts/picture.html")
def picture(
    asset: Asset | str, *, alt: str = "", sizes: str = "100vw", eager: bool = False
) -> Mapping[str, object]:
    """Show a picture asset, or the stored name of one, in the widths that a page needs."""
    name = asset if isinstance(asset, str) else str(asset.file.name)
    urls = [(width, _thumbnail_url(name, width)) for width in THUMBNAIL_WIDTHS]
    return {
        "src": urls[1][1],
        "srcset": ", ".join(f"{url} {width}w" for width, url in urls),
        "sizes": sizes,
        "alt": alt,
        "eager": eager,
        "width": getattr(asset, "width", None),
        "height": getattr(asset, "height", None),
    }


@register.simple_tag
def thumbnail_url(asset: Asset, width: int) -> str:
    return _thumbnail_url(str(asset.file.name), width)


def _thumbnail_url(name: str, width: int) -> str:
    content_hash, suffix = split_stored_name(name)
    return reverse("shop:thumbnail", args=[width, content_hash, suffix])


@register.filter
def match_reasons(evidence: tuple[Evidence, ...]) -> list[MatchReason]:
    """Return one reason per modality, best first."""
    return [explain(item) for item in best_per_modality(evidence)]


@register.simple_tag
def result_link(links: Mapping[int, ResultLink], product: Product) -> ResultLink:
    """Return where the card of a product leads."""
    return links.get(product.pk) or product_link(product)


@register.filter
def facts(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return attributes as rows of a table: lists are joined, empty values left out."""
    rows = []
    for name, value in attributes.items():
        values = value if isinstance(value, list) else [value]
        shown = [_fact(item) for item in values if item not in (None, "")]
        if shown:
            rows.append((data_translations.field_label(name), ", ".join(shown)))
    return rows


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return data_translations.translate_value(str(value))


@register.filter
def click_token(tokens: ClickTokens, product: Product) -> str:
    """Return the token that the page sends when this product is opened."""
    return tokens.write(product.pk)


@register.simple_tag
def json_ld(data: Mapping[str, Any]) -> SafeString:
    """Return a JSON-LD block, with every character escaped that could end it."""
    text = json.dumps(data, ensure_ascii=False).translate(_UNSAFE_IN_SCRIPT)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308 (escaped above)
