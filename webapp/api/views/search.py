"""Search by JSON, by a form with media files, or by query parameters."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from PIL import Image
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from search.config import engine_settings
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.modalities import MODALITIES
from search.types import Modality
from webapp.api.links import Links
from webapp.api.openapi import file_body, operation
from webapp.api.parsing import JsonBytes, read_form, read_json, read_query
from webapp.api.schemas.results import SearchResponse
from webapp.api.schemas.search import SearchFormRequest, SearchParameters, SearchRequest
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, json_response
from webapp.ops.metrics import observe_search
from webapp.retrieval.query_media import uploaded_path
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

FILES = {
    "picture": MODALITIES[Modality.PICTURE].format_list,
    "video": f"{MODALITIES[Modality.VIDEO].format_list}, animated GIF or WebP: its key frames are "
    "the query, in place of a picture",
    "sound": f"{MODALITIES[Modality.AUDIO].format_list}, or a video whose sound is the query",
}


class SearchView(ApiView):
    """Search and browse."""

    scopes = {"GET": Scope.SEARCH, "POST": Scope.SEARCH}
    public = frozenset({"GET", "POST"})
    parser_classes = [JsonBytes, MultiPartParser]

    @operation(
        operation_id="search_by_query",
        public=True,
        tags=["search"],
        summary="Search by words",
        query=SearchParameters,
        responses={200: SearchResponse},
    )
    def get(self, request: Request) -> HttpResponse:
        return respond_to_search(request, read_query(request, SearchParameters).to_query())

    @operation(
        operation_id="search",
        public=True,
        tags=["search"],
        summary="Search by words, by a picture, by a sound, or several of them",
        description="A sound is rejected when the active encoder does not support audio: "
        "code `modality_unsupported`.",
        body={
            "application/json": SearchRequest,
            "multipart/form-data": file_body(SearchFormRequest, FILES, required=()),
        },
        responses={200: SearchResponse},
        problems=(413, 415),
    )
    def post(self, request: Request) -> HttpResponse:
        if not str(request.content_type).startswith("multipart/"):
            body = read_json(request, SearchRequest)
            return respond_to_search(request, SearchQuery(**dict(body)))
        form, files = read_form(request, SearchFormRequest, FILES)
        picture = _decode(files["picture"]) if "picture" in files else None
        with uploaded_path(files.get("video")) as video, uploaded_path(files.get("sound")) as sound:
            query = SearchQuery(**dict(form), picture=picture, video=video, sound=sound)
            return respond_to_search(request, query)


def respond_to_search(request: Request, query: SearchQuery) -> HttpResponse:
    """Search, count the search in the metrics, and return the results as JSON."""
    result = search_products(query)
    observe_search(result.timings)
    return json_response(SearchResponse.write(result, Links(request)))


def _decode(file: UploadedFile[Any]) -> Image.Image:
    limits = PictureLimits.from_settings(engine_settings())
    return decode_picture(file, limits)  # type: ignore[arg-type]  # a Django File reads like one
