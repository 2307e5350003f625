"""Absolute URLs of pages and files."""

from __future__ import annotations

from urllib.parse import quote

from django.core.files.storage import default_storage
from django.http import HttpRequest
from django.urls import reverse

from webapp.catalog.models import Asset, Product


class Links:
    """URLs on the host of a request.

    The URL of a page is built without Django's `reverse`, which is too slow for every hit.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._host = f"{request.scheme}://{request.get_host()}"
        self._page = reverse("shop:product", args=["0"]).removesuffix("0/")

    def page(self, product: Product) -> str:
        """Return the URL of a product's page."""
        return f"{self._host}{self._page}{quote(product.sku)}/"

    def preview(self, content_hash: str, file: str) -> str:
        """Return the URL of a preview file of a clip."""
        return f"{self._host}{reverse('shop:preview', args=[content_hash, file])}"

    def file(self, asset: Asset) -> str:
        """Return the URL of an asset's file; local disk storage gives a path only."""
        url = default_storage.url(str(asset.file))
        return f"{self._host}{url}" if url.startswith("/") else url
