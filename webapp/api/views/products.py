"""Products: listed, read, written by sku."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from webapp.api.links import Links
from webapp.api.pagination import keyset_page
from webapp.api.parsing import read_json, read_query
from webapp.api.responses import CategoryPaths, product_document, search_document, timeline_document
from webapp.api.schema import operation
from webapp.api.schemas.products import (
    ProductPage,
    ProductPatch,
    ProductQuery,
    ProductRequest,
    ProductResponse,
    SimilarQuery,
)
from webapp.api.schemas.search import MomentsQuery, MomentsResponse, SearchResponse
from webapp.api.scopes import Scope
from webapp.api.selectors import can_see_hidden, filter_products, prefetch_details, visible_products
from webapp.api.views.base import ApiView, json_response
from webapp.catalog.models import Outcome, Product
from webapp.catalog.services.products import remove_products, save_product
from webapp.ops.metrics import observe_search
from webapp.retrieval.clip_matches import match_clips
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products


class ProductListView(ApiView):
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
        asked = read_query(request, ProductQuery)
        page, cursor = keyset_page(
            prefetch_details(filter_products(request, asked)),
            cursor=asked.cursor,
            limit=asked.limit,
            asked=(asked.model_dump(exclude={"cursor", "limit"}), can_see_hidden(request)),
        )
        paths, links = CategoryPaths(page), Links(request)
        return json_response(
            {
                "items": [product_document(item, paths, links) for item in page],
                "next_cursor": cursor,
            }
        )


class ProductView(ApiView):
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
        return _document(
            request, get_object_or_404(prefetch_details(visible_products(request)), sku=sku)
        )

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
        return _save(
            request,
            sku,
            read_json(request, ProductPatch).model_dump(exclude_unset=True),
            create=False,
        )

    @operation(
        operation_id="products_delete",
        tags=["products"],
        summary="Delete a product and its assets",
        responses={204: None},
        problems=(404,),
    )
    def delete(self, request: Request, sku: str) -> HttpResponse:
        found = list(Product.objects.filter(sku=sku).values_list("pk", flat=True))
        if not remove_products(found):
            raise Http404
        return HttpResponse(status=204)


class SimilarView(ApiView):
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
        asked = read_query(request, SimilarQuery)
        product = get_object_or_404(visible_products(request), sku=sku)
        result = search_products(
            SearchQuery(similar_to=product.pk, limit=asked.limit, facets=False)
        )
        observe_search(result.timings)
        return json_response(search_document(result, Links(request)))


class MomentsView(ApiView):
    scopes = {"GET": Scope.SEARCH}
    public = frozenset({"GET"})

    @operation(
        operation_id="products_moments",
        public=True,
        tags=["products"],
        summary="When in a product's clips a question is answered",
        query=MomentsQuery,
        responses={200: MomentsResponse},
        problems=(404,),
    )
    def get(self, request: Request, sku: str) -> HttpResponse:
        asked = read_query(request, MomentsQuery)
        product = get_object_or_404(Product, sku=sku, visible=True)
        question = SearchQuery(
            text=asked.q, picture_token=asked.picture_token, sound_token=asked.sound_token
        )
        return json_response(
            {
                "items": [
                    timeline_document(timeline) for timeline in match_clips(question, product.pk)
                ]
            }
        )


def _save(request: Request, sku: str, values: Mapping[str, Any], *, create: bool) -> HttpResponse:
    try:
        product, outcome = save_product(sku=sku, values=values, space=active_space(), create=create)
    except Product.DoesNotExist as error:
        raise Http404 from error
    return _document(
        request,
        prefetch_details(Product.objects.all()).get(pk=product.pk),
        status=201 if outcome == Outcome.CREATED else 200,
    )


def _document(request: Request, product: Product, *, status: int = 200) -> HttpResponse:
    return json_response(
        product_document(product, CategoryPaths([product]), Links(request)), status=status
    )
