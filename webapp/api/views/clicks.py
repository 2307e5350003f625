"""Clicks reported by services that show results themselves."""

from __future__ import annotations

from collections import Counter

from django.conf import settings
from django.http import Http404, HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from webapp.api.idempotency import idempotent
from webapp.api.openapi import operation
from webapp.api.parsing import field_errors, read_json
from webapp.api.problems import Conflict
from webapp.api.schemas.clicks import ClickRequest, ClicksRequest
from webapp.api.scopes import Scope
from webapp.api.selectors import visible_products
from webapp.api.views.base import ApiView
from webapp.catalog.models import Product
from webapp.clicklog.services import add_clicks, normalise_query


class ClickListView(ApiView):
    """The click log."""

    scopes = {"POST": Scope.CLICKS_WRITE}
    body_max_bytes = 256 * 1024

    @operation(
        operation_id="clicks_add",
        tags=["search"],
        summary="Count products that were opened for a query",
        body=ClicksRequest,
        responses={204: None},
        problems=(404, 409, 413, 415),
        idempotent=True,
    )
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        body = read_json(request, ClicksRequest)
        if not settings.CLICK_LOG:
            raise Conflict("The click log is off.")
        try:
            add_clicks(_count_clicks(request, body.clicks))
        except Product.DoesNotExist as error:
            raise Http404 from error
        return HttpResponse(status=204)


def _count_clicks(request: Request, clicks: list[ClickRequest]) -> Counter[tuple[str, int]]:
    """Return the number of clicks by normalised query and product id.

    Raises NotFound for the first unknown product, ValidationError for the first query that is
    empty or too long after normalisation.
    """
    ids = dict(
        visible_products(request)
        .filter(sku__in={click.sku for click in clicks})
        .values_list("sku", "pk")
    )
    counts: Counter[tuple[str, int]] = Counter()
    for number, click in enumerate(clicks):
        query = normalise_query(click.query)
        if not query:
            raise field_errors(
                ClicksRequest,
                {f"clicks.{number}.query": "The normalised query is empty or too long"},
            )
        if click.sku not in ids:
            raise NotFound(f"There is no product {click.sku}; no click was counted.")
        counts[query, ids[click.sku]] += click.count
    return counts
