"""The results page: of a text, a picture, a sound, a similar product, or a category."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import push_url
from django_htmx.middleware import HtmxDetails

from search.errors import MediaTooLarge, OmnishelfError, QueryError
from webapp.catalog.models import Asset, AssetKind, Category, Product
from webapp.clicklog.services import normalise_query
from webapp.clicklog.tokens import ClickTokens
from webapp.retrieval.service import search_products
from webapp.shop.facet_panel import build_chips, group_facets
from webapp.shop.problems import Problem, form_problem, search_problem, sound_problem
from webapp.shop.query_upload import add_picture, add_sound, get_preview
from webapp.shop.result_links import build_result_links
from webapp.shop.search_params import BROWSE_SORTS, SORTS, SearchParams, parse_search_params

MAX_FORM_BYTES = 64 * 1024
"""What the form may add to the size of the picture."""


class HtmxRequest(HttpRequest):
    """A request as django_htmx's middleware leaves it."""

    htmx: HtmxDetails


Handler = Callable[[HtmxRequest, SearchParams], HttpResponse]


# CSRF: a search changes nothing, and the form works from a cached page.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HtmxRequest) -> HttpResponse:
    """Show results; a POST uploads a picture or sound and redirects to the URL of its results."""
    if request.method != "POST":
        return _with_error_page(request, _show_results)
    max_bytes = settings.ENGINE.picture_max_bytes + MAX_FORM_BYTES
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        # Before the body is read, so that large bodies cannot fill the disk.
        problem = search_problem(MediaTooLarge("the request is too large"))
        return _problem_page(request, SearchParams(), problem)
    return _with_error_page(request, _handle_upload)


@require_safe
def category(request: HtmxRequest, slug: str) -> HttpResponse:
    """List the products of a category and its descendants."""
    if not Category.objects.filter(slug=slug).exists():
        raise Http404(slug)
    return _with_error_page(request, _show_results, category=slug)


def _with_error_page(request: HtmxRequest, handler: Handler, *, category: str = "") -> HttpResponse:
    """Return the handler's response; for an invalid request, a page that says what is wrong."""
    params = SearchParams()
    try:
        params = parse_search_params(
            request.POST if request.method == "POST" else request.GET, category=category
        )
        return handler(request, params)
    except ValidationError as error:
        return _problem_page(request, params, form_problem(error))
    except OmnishelfError as error:
        has_token = bool(params.picture_token or params.sound_token)
        return _problem_page(request, params, search_problem(error, has_token=has_token))


def _handle_upload(request: HtmxRequest, params: SearchParams) -> HttpResponse:
    """Exchange an uploaded sound and picture for tokens and redirect to the results.

    `asset` is the id of a picture of the shop, in place of an uploaded one.
    """
    sound, picture = request.FILES.get("sound"), request.FILES.get("picture")
    if isinstance(sound, UploadedFile):
        try:
            params = add_sound(params, sound)
        except OmnishelfError as error:
            return _problem_page(request, params, sound_problem(error))
    if isinstance(picture, UploadedFile):
        params = add_picture(params, picture)
    elif request.POST.get("asset"):
        asset_id = _parse_id(request.POST["asset"])
        asset = get_object_or_404(Asset, pk=asset_id, kind=AssetKind.PICTURE, product__visible=True)
        with asset.file.open("rb") as file:
            params = add_picture(params, file)
    return HttpResponseRedirect(params.url())


def _parse_id(text: str) -> int:
    if not text.isdecimal():
        raise QueryError("an asset id is a number", value=text)
    return int(text)


def _show_results(request: HtmxRequest, params: SearchParams) -> HttpResponse:
    slug, sku = params.filters.category, params.like
    shown = Category.objects.filter(slug=slug).first() if slug else None
    like = get_object_or_404(Product, sku=sku, visible=True) if sku else None
    is_next_page = bool(request.htmx and params.cursor)
    query = {"similar_to": like.pk if like else None, "facets": not is_next_page}
    result = search_products(params.model_copy(update=query))
    first = params.first_page()
    facets = group_facets(result.facets)
    context = {
        "params": params,
        "result": result,
        "like": like,
        "category": shown,
        "ancestors": Category.objects.get_ancestors(shown) if shown else (),
        "facets": facets,
        "chips": build_chips(first, facets),
        "sorts": BROWSE_SORTS if params.is_browse else SORTS,
        "next_url": params.next_page(result.next_cursor).url() if result.next_cursor else "",
        "first_url": first.url(),
        "clear_url": first.without_filters().url(),
        "click_tokens": _click_tokens(params),
        "links": build_result_links(result.hits, params),
        "query_preview": get_preview(params.picture_token),
    }
    response = render(request, "shop/results.html", context)
    return push_url(response, first.url()) if request.htmx and not is_next_page else response


def _click_tokens(params: SearchParams) -> ClickTokens | None:
    """Return None where clicks are not counted: the log is off, or the query is more than text."""
    query = normalise_query(params.text) if settings.CLICK_LOG and params.is_text_only else ""
    return ClickTokens(query) if query else None


def _problem_page(request: HttpRequest, params: SearchParams, problem: Problem) -> HttpResponse:
    context = {
        "params": params,
        "problem": problem,
        "retry_url": request.get_full_path(),
        "first_url": params.first_page().url(),
    }
    return render(request, "shop/problem.html", context, status=problem.status)
