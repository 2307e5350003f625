"""Products: list, read and write them by SKU; find similar ones and matching parts of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from webapp.api.links import Links
from webapp.api.openapi import operation
from webapp.api.pagination import keyset_page
from webapp.api.parsing import read_json, read_query
from webapp.api.schemas.products import (
    CategoryPaths,
    ProductContext,
    ProductPage,
    ProductPatch,
    ProductQuery,
    ProductRequest,
    ProductResponse,
    SimilarQuery,
)
from webapp.api.schemas.results import ClipTimelinesResponse, SearchResponse
from webapp.api.schemas.search import ClipQuery
from webapp.api.scopes import Scope
from webapp.api.selectors import can_see_hidden, filter_products, prefetch_details, visible_products
from webapp.api.views.base import ApiView, json_response
from webapp.api.views.search import respond_to_search
from webapp.catalog.models import Outcome, Product
from webapp.catalog.services.products import remove_products, save_product
from webapp.retrieval.clip_matches import match_clips
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.search_query import SearchQuery


class ProductListView(ApiView):
    """Products in order of their ids."""

    scopes = {"GET": Scope.CATALOG_READ}
    public = frozenset({"GET"})

    @operation(
        operation_id="products_list",
        public=True,
        tags=["products"],
        summary="List products by id",
        query=ProductQuery,
        responses={200: ProductPage},
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request, ProductQuery)
        page = keyset_page(
            prefetch_details(filter_products(request, query)),
            cursor=query.cursor,
            limit=query.limit,
            scope=(query.model_dump(exclude={"cursor", "limit"}), can_see_hidden(request)),
        )
        return json_response(ProductPage.write(page, _context(request, page.items)))


class ProductView(ApiView):
    """One product."""

    scopes = {
        "GET": Scope.CATALOG_READ,
        "PUT": Scope.CATALOG_WRITE,
        "PATCH": Scope.CATALOG_WRITE,
        "DELETE": Scope.CATALOG_WRITE,
    }
    public = frozenset({"GET"})

    @operation(
        operation_id="products_read",
        public=True,
        tags=["products"],
        summary="Read a product",
        responses={200: ProductResponse},
        problems=(404,),
    )
    def get(self, request: Request, sku: str) -> HttpResponse:
        products = prefetch_details(visible_products(request))
        return _product_response(request, get_object_or_404(products, sku=sku))

    @operation(
        operation_id="products_put",
        tags=["products"],
        summary="Create or replace a product",
        body=ProductRequest,
        responses={200: ProductResponse, 201: ProductResponse},
        problems=(404, 413, 415),
    )
    def put(self, request: Request, sku: str) -> HttpResponse:
        return _save(request, sku, read_json(request, ProductRequest).model_dump(), create=True)

    @operation(
        operation_id="products_patch",
        tags=["products"],
        summary="Change fields of a product",
        body=ProductPatch,
        responses={200: ProductResponse},
        problems=(404, 413, 415),
    )
    def patch(self, request: Request, sku: str) -> HttpResponse:
        values = read_json(request, ProductPatch).model_dump(exclude_unset=True)
        return _save(request, sku, values, create=False)

    @operation(
        operation_id="products_delete",
        tags=["products"],
        summary="Delete a product and its assets",
        responses={204: None},
        problems=(404,),
    )
    def delete(self, request: Request, sku: str) -> HttpResponse:
        ids = list(Product.objects.filter(sku=sku).values_list("pk", flat=True))
        if not remove_products(ids):
            raise Http404
        return HttpResponse(status=204)


class SimilarView(ApiView):
    """Products similar to one."""

    scopes = {"GET": Scope.SEARCH}
    public = frozenset({"GET"})

    @operation(
        operation_id="products_similar",
        public=True,
        tags=["search"],
        summary="Products similar to one",
        query=SimilarQuery,
        responses={200: SearchResponse},
        problems=(404,),
    )
    def get(self, request: Request, sku: str) -> HttpResponse:
        limit = read_query(request, SimilarQuery).limit
        product = get_object_or_404(visible_products(request), sku=sku)
        query = SearchQuery(similar_to=product.pk, limit=limit, facets=False)
        return respond_to_search(request, query)


class MomentsView(ApiView):
    """Parts of a product's clips that match a query."""

    scopes = {"GET": Scope.SEARCH}
    public = frozenset({"GET"})

    @operation(
        operation_id="products_moments",
        public=True,
        tags=["products"],
        summary="Parts of a product's clips that match a query",
        query=ClipQuery,
        responses={200: ClipTimelinesResponse},
        problems=(404,),
    )
    def get(self, request: Request, sku: str) -> HttpResponse:
        query = read_query(request, ClipQuery)
        product = get_object_or_404(Product, sku=sku, visible=True)
        timelines = match_clips(query.to_query(), product.pk)
        return json_response(ClipTimelinesResponse.write(timelines))


def _save(request: Request, sku: str, values: Mapping[str, Any], *, create: bool) -> HttpResponse:
    try:
        product, outcome = save_product(sku=sku, values=values, space=active_space(), create=create)
    except Product.DoesNotExist as error:
        raise Http404 from error
    saved = prefetch_details(Product.objects.all()).get(pk=product.pk)
    return _product_response(request, saved, status=201 if outcome == Outcome.CREATED else 200)


def _product_response(request: Request, product: Product, *, status: int = 200) -> HttpResponse:
    document = ProductResponse.write(product, _context(request, [product]))
    return json_response(document, status=status)


def _context(request: Request, products: Sequence[Product]) -> ProductContext:
    return ProductContext(Links(request), CategoryPaths(products))
