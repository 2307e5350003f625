"""The results page: words, a picture, similar products, or a category, all with filters, order
and paging.
"""

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

from search.errors import MediaTooLarge, OmnishelfError, QueryError
from webapp.catalog.models import Asset, AssetKind, Category, Product
from webapp.clicklog.services import normalise_query
from webapp.clicklog.tokens import ClickTokens
from webapp.retrieval.service import search_products
from webapp.shop import query_picture
from webapp.shop.chips import active_chips
from webapp.shop.facet_groups import facet_groups
from webapp.shop.forms import BROWSE_SORTS, SORTS, read_wish
from webapp.shop.problems import Problem, problem_of, problem_of_form, sound_problem_of
from webapp.shop.query_sound import wish_with_sound
from webapp.shop.result_links import openings_of
from webapp.shop.search_params import Wish

FORM_BYTES = 64 * 1024
"""What the words and the form itself may add to a picture's bytes."""


# A search changes nothing, so a foreign page that sends one gains nothing; and the form works from
# any cached page.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """GET shows results. POST takes a query picture or sound and redirects to the address of its
    results.
    """
    if request.method != "POST":
        return _answered(request, _results)
    if (
        int(request.META.get("CONTENT_LENGTH") or 0)
        > settings.ENGINE.picture_max_bytes + FORM_BYTES
    ):
        # Before the body is read: nobody may fill the disk with what will be refused.
        return _problem_page(request, Wish(), problem_of(MediaTooLarge("the request is too large")))
    return _answered(request, _accept)


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """Browse a category and what stands below it."""
    if not Category.objects.filter(slug=slug).exists():
        raise Http404(slug)
    return _answered(request, _results, category=slug)


def _answered(
    request: HttpRequest, answer: Callable[[HttpRequest, Wish], HttpResponse], *, category: str = ""
) -> HttpResponse:
    """What `answer` makes of the wish in the request, or a page that says what is wrong with it."""
    try:
        wish = read_wish(
            request.POST if request.method == "POST" else request.GET, category=category
        )
    except ValidationError as error:
        return _problem_page(request, Wish(), problem_of_form(error))
    try:
        return answer(request, wish)
    except OmnishelfError as error:
        return _problem_page(
            request,
            wish,
            problem_of(error, with_picture=bool(wish.picture_token or wish.sound_token)),
        )


def _accept(request: HttpRequest, wish: Wish) -> HttpResponse:
    sound = request.FILES.get("sound")
    if isinstance(sound, UploadedFile):
        try:
            wish = wish_with_sound(wish, sound)
        except OmnishelfError as error:
            return _problem_page(request, wish, sound_problem_of(error))
    return _accept_picture(request, wish)


def _accept_picture(request: HttpRequest, wish: Wish) -> HttpResponse:
    upload = request.FILES.get("picture")
    if isinstance(upload, UploadedFile):
        return HttpResponseRedirect(query_picture.wish_with_picture(wish, upload).url())
    if request.POST.get("asset"):
        asset = get_object_or_404(
            Asset, pk=_number(request.POST["asset"]), kind=AssetKind.PICTURE, product__visible=True
        )
        with asset.file.open("rb") as file:
            return HttpResponseRedirect(query_picture.wish_with_picture(wish, file).url())
    return HttpResponseRedirect(wish.url())


def _number(text: str) -> int:
    if not text.isdecimal():
        raise QueryError("an asset is named by its number", value=text)
    return int(text)


def _results(request: HttpRequest, wish: Wish) -> HttpResponse:
    shown = (
        Category.objects.filter(slug=wish.filters.category).first()
        if wish.filters.category
        else None
    )
    like = get_object_or_404(Product, sku=wish.like, visible=True) if wish.like else None
    appended = bool(request.htmx and wish.cursor)
    answer = search_products(
        wish.request(similar_to=like.pk if like else None, facets=not appended)
    )
    first = wish.first_page()
    facets = facet_groups(answer.facets)
    context = {
        "wish": wish,
        "answer": answer,
        "like": like,
        "category": shown,
        "ancestors": Category.objects.get_ancestors(shown) if shown else (),
        "facets": facets,
        "chips": active_chips(first, facets),
        "sorts": BROWSE_SORTS if wish.is_browse else SORTS,
        "next_url": wish.page_after(answer.next_cursor).url() if answer.next_cursor else "",
        "first_url": first.url(),
        "clear_url": first.without_filters().url(),
        "click_tokens": _click_tokens(wish),
        "openings": openings_of(answer.hits, wish),
        "query_preview": query_picture.preview(wish.picture_token),
    }
    response = render(request, "shop/results.html", context)
    return push_url(response, first.url()) if request.htmx and not appended else response


def _click_tokens(wish: Wish) -> ClickTokens | None:
    """None where clicks are not counted: only words are, and only where the shop's owner lets
    them.
    """
    query = normalise_query(wish.text) if settings.CLICK_LOG and wish.words_alone else ""
    return ClickTokens(query) if query else None


def _problem_page(request: HttpRequest, wish: Wish, problem: Problem) -> HttpResponse:
    context = {
        "wish": wish,
        "problem": problem,
        "again_url": request.get_full_path(),
        "first_url": wish.first_page().url(),
    }
    return render(request, "shop/problem.html", context, status=problem.status)
