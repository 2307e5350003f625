"""Assets of a product: its texts and media files."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from search.config import engine_settings
from search.media.limits import MediaLimits
from search.modalities import MODALITIES
from search.types import Modality
from webapp.api.idempotency import idempotent
from webapp.api.links import Links
from webapp.api.openapi import file_body, operation
from webapp.api.parsing import read_form, require_file
from webapp.api.schemas.assets import AssetContext, AssetForm, AssetList, AssetResponse
from webapp.api.scopes import Scope
from webapp.api.selectors import visible_products
from webapp.api.views.base import ApiView, json_response
from webapp.catalog.models import Asset, Product
from webapp.catalog.selectors.clips import get_previews
from webapp.catalog.services.products import add_asset, remove_asset
from webapp.retrieval.models_runtime import active_space

FILES = {"file": "A picture, an audio clip or a video"}
FORM_OVERHEAD = 1024 * 1024
"""Bytes that the form may add to those of the file."""


class AssetListView(ApiView):
    """The assets of a product."""

    scopes = {"GET": Scope.CATALOG_READ, "POST": Scope.CATALOG_WRITE}
    public = frozenset({"GET"})
    parser_classes = [MultiPartParser]
    body_max_bytes = MediaLimits.from_settings(engine_settings()).max_bytes + FORM_OVERHEAD

    @operation(
        operation_id="assets_list",
        public=True,
        tags=["assets"],
        summary="List the assets of a product",
        responses={200: AssetList},
        problems=(404,),
    )
    def get(self, request: Request, sku: str) -> HttpResponse:
        product = get_object_or_404(visible_products(request), sku=sku)
        assets = list(product.assets.all())
        return json_response(AssetList.write(assets, _context(request, assets)))

    @operation(
        operation_id="assets_add",
        tags=["assets"],
        summary="Add a media file to a product",
        body={"multipart/form-data": file_body(AssetForm, FILES, required=["file"])},
        responses={200: AssetResponse, 201: AssetResponse},
        problems=(404, 413, 415),
        idempotent=True,
    )
    @idempotent
    def post(self, request: Request, sku: str) -> HttpResponse:
        product = get_object_or_404(Product, sku=sku)
        form, files = read_form(request, AssetForm, FILES)
        try:
            asset, is_new = add_asset(
                product=product,
                file=require_file(files, "file", AssetForm),
                space=active_space().fingerprint,
                wanted=Modality(form.kind) if form.kind else None,
            )
        except Product.DoesNotExist as error:
            raise Http404 from error
        document = AssetResponse.write(asset, _context(request, [asset]))
        return json_response(document, status=201 if is_new else 200)


class AssetView(ApiView):
    """One asset of a product."""

    scopes = {"DELETE": Scope.CATALOG_WRITE}

    @operation(
        operation_id="assets_delete",
        tags=["assets"],
        summary="Remove a media file from a product",
        responses={204: None},
        problems=(404,),
    )
    def delete(self, request: Request, sku: str, asset_id: int) -> HttpResponse:
        remove_asset(asset=get_object_or_404(Asset, pk=asset_id, product__sku=sku))
        return HttpResponse(status=204)


def _context(request: Request, assets: Sequence[Asset]) -> AssetContext:
    hashes = {asset.content_hash for asset in assets if asset.kind in MODALITIES.clips}
    return AssetContext(Links(request), get_previews(hashes))
