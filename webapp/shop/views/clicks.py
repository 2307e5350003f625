"""The beacon of a results page: the shopper has opened a product."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError
from rest_framework.throttling import BaseThrottle

from search.errors import QueryError
from webapp.catalog.models import Product
from webapp.shop.click_guard import is_first, too_often
from webapp.shop.click_token import token_read
from webapp.shop.services.clicks import clicks_add

LONGEST_TOKEN = 4096

logger = logging.getLogger(__name__)


# The body is a token that our own page was given; there is no account whose rights a foreign page
# could borrow.
@csrf_exempt
@require_POST
def click(request: HttpRequest) -> HttpResponse:
    """204 for a click that was understood, counted or not. Nobody waits for the answer."""
    if not settings.CLICK_LOG:
        return HttpResponse(status=404)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return HttpResponse(status=403)
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_TOKEN:
        return HttpResponse(status=413)
    try:
        return HttpResponse(status=_count(request))
    except (OperationalError, InterfaceError, RedisError) as error:
        logger.warning("a click was not counted: %s", error)
        return HttpResponse(status=503)


def _count(request: HttpRequest) -> int:
    """The status of the answer."""
    address = BaseThrottle().get_ident(request)
    if too_often(address):
        return 429
    token = request.body.decode("ascii", "replace")
    try:
        query, product_id = token_read(token)
    except QueryError:
        return 400
    if is_first(token, address=address, query=query, product_id=product_id):
        try:
            clicks_add({(query, product_id): 1})
        except Product.DoesNotExist:
            return 404
    return 204
