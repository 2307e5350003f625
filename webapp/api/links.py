"""Absolute addresses of pages and files, cheap enough for every hit of an answer."""

from __future__ import annotations

from urllib.parse import quote

from django.core.files.storage import default_storage
from django.http import HttpRequest
from django.urls import reverse

from webapp.catalog.models import Asset, Product


class Links:
    """Addresses on the host that this request was sent to."""

    def __init__(self, request: HttpRequest) -> None:
        self._host = f"{request.scheme}://{request.get_host()}"
        self._page = reverse("shop:product", args=["0"]).removesuffix("0/")

    def page(self, product: Product) -> str:
        return f"{self._host}{self._page}{quote(product.sku)}/"

    def preview(self, content_hash: str, file: str) -> str:
        """A file that was made of a clip."""
        return f"{self._host}{reverse('shop:preview', args=[content_hash, file])}"

    def file(self, asset: Asset) -> str:
        """A media store of its own gives absolute addresses, the local disk a path."""
        url = default_storage.url(str(asset.file))
        return f"{self._host}{url}" if url.startswith("/") else url
