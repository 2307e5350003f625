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
from webapp.shop.audio_input import Voice, voice_here
from webapp.shop.departments import stored_parts
from webapp.shop.match_reasons import Piece, piece_of, strongest
from webapp.shop.result_links import Opening, plain_opening
from webapp.shop.thumbnails import WIDTHS

register = template.Library()
register.filter("spoken", data_translations.spoken)
register.filter("swatch", data_translations.swatch)
register.filter("field_label", data_translations.field_label)

_UNSAFE_IN_SCRIPT = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026"})


def _locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))


@register.filter
def money(product: Product) -> str:
    """The price as the shopper's language writes it; empty where none is set."""
    if product.price is None:
        return ""
    return format_currency(product.price, product.currency, locale=_locale())


@register.filter
def number(value: int | Decimal) -> str:
    """1234 → '1,234'"""
    return format_decimal(value, locale=_locale())


@register.simple_tag
def voice() -> Voice:
    """What the search box can do with a sound."""
    return voice_here()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing of the icon sheet, for decoration: the words beside it say what it means."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("shop/icons.svg"),
        name,
    )


@register.inclusion_tag("shop/parts/picture.html")
def picture(
    asset: Asset | str, *, alt: str = "", sizes: str = "100vw", eager: bool = False
) -> Mapping[str, object]:
    """A picture asset, or the stored name of one, at the sizes the page needs."""
    name = asset if isinstance(asset, str) else asset.file.name
    content_hash, suffix = stored_parts(name)
    urls = [
        (width, reverse("shop:thumbnail", args=[width, content_hash, suffix])) for width in WIDTHS
    ]
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
    content_hash, suffix = stored_parts(asset.file.name)
    return reverse("shop:thumbnail", args=[width, content_hash, suffix])


@register.filter
def matched_by(evidence: tuple[Evidence, ...]) -> list[Piece]:
    """What the evidence says to a shopper, one piece per modality, strongest first."""
    return [piece_of(piece) for piece in strongest(evidence)]


@register.simple_tag
def opening(openings: Mapping[int, Opening] | str, product: Product) -> Opening:
    """Where a card leads; `openings` is empty on pages that answer no question."""
    return (openings or {}).get(product.pk) or plain_opening(product)


@register.filter
def facts(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Free attributes as rows of a table; lists are joined, empty values left out."""
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
    return data_translations.spoken(str(value))


@register.filter
def click_token(tokens: ClickTokens, product: Product) -> str:
    """What the page sends when this product is opened."""
    return tokens.write(product.pk)


@register.simple_tag
def json_ld(data: Mapping[str, Any]) -> SafeString:
    """A JSON-LD block. Browsers do not run it; characters that could end it are escaped."""
    text = json.dumps(data, ensure_ascii=False).translate(_UNSAFE_IN_SCRIPT)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308 (escaped above)
