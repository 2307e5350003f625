"""Small pictures of assets in lists and forms."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webapp.catalog.models import Asset, AssetKind

WIDTH = 160


def thumbnail_url(asset: Asset) -> str:
    suffix = PurePosixPath(str(asset.file)).suffix
    return reverse(
        "shop:thumbnail",
        kwargs={"width": WIDTH, "content_hash": asset.content_hash, "suffix": suffix},
    )


def asset_preview(asset: Asset | None) -> SafeString | str:
    """The picture itself, a player for a clip, the words of a text."""
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
        return asset.text if len(asset.text) <= 200 else f"{asset.text[:199]}…"
    tag = "audio" if asset.kind == AssetKind.AUDIO else "video"
    return format_html(
        f'<{tag} class="asset-preview" src="{{}}" controls preload="none"></{tag}>', asset.file.url
    )
