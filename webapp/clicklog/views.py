"""The endpoint to which a results page reports that a product was opened."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from search.errors import QueryError
from webapp.catalog.models import Product
from webapp.clicklog.guard import is_new_click, is_rate_exceeded
from webapp.clicklog.services import add_clicks
from webapp.clicklog.tokens import read_token
from webapp.rate_counter import client_address

MAX_TOKEN_BYTES = 4096

logger = logging.getLogger(__name__)


# CSRF: the body is a token that our own page received, and no account is involved whose rights
# a foreign page could use.
@csrf_exempt
@require_POST
def click(request: HttpRequest) -> HttpResponse:
    """Count a click. Answers 204 for every valid one, also for one that was counted before."""
    if not settings.CLICK_LOG:
        return HttpResponse(status=404)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return HttpResponse(status=403)
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_TOKEN_BYTES:
        return HttpResponse(status=413)
    try:
        return HttpResponse(status=_count_click(request))
    except (OperationalError, InterfaceError, RedisError) as error:
        logger.warning("a click was not counted: %s", error)
        return HttpResponse(status=503)


def _count_click(request: HttpRequest) -> int:
    """Count the click of this request and return the HTTP status of the response."""
    address = client_address(request)
    if is_rate_exceeded(address):
        return 429
    token = request.body.decode("ascii", "replace")
    try:
        query, product_id = read_token(token)
    except QueryError:
        return 400
    if is_new_click(token, address=address, query=query, product_id=product_id):
        try:
            add_clicks({(query, product_id): 1})
        except Product.DoesNotExist:
            return 404
    return 204
