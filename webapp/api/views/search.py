"""Searching, by JSON, by a form with a picture, or by query parameters."""

from __future__ import annotations

from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from PIL import Image
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from search.config import engine_settings
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from webapp.api.links import Links
from webapp.api.openapi import file_body, operation
from webapp.api.parsing import JsonBytes, read_form, read_json, read_query
from webapp.api.schemas.results import SearchResponse
from webapp.api.schemas.search import (
    SearchFilterFields,
    SearchFormRequest,
    SearchParameters,
    SearchRequestBody,
)
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, json_response
from webapp.ops.metrics import observe_search
from webapp.retrieval.filters import SearchFilters
from webapp.retrieval.query_media import uploaded_path
from webapp.retrieval.search_query import SearchQuery, Sort
from webapp.retrieval.service import search_products

FILES = {
    "picture": "JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF",
    "video": "MP4, MOV, WebM, MKV, AVI, animated GIF or WebP: its key frames ask, in place of a picture",
    "sound": "WAV, MP3, FLAC, OGG, AAC, M4A or AIFF, or a video whose sound asks",
}


class SearchView(ApiView):
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
        asked = read_query(request, SearchParameters)
        filters = SearchFilters(
            category=asked.category,
            brands=tuple(asked.brand),
            price_min=asked.price_min,
            price_max=asked.price_max,
            in_stock=asked.in_stock,
            attributes=_attributes(asked.attr),
        )
        return _answer(
            request,
            SearchQuery(
                text=asked.q,
                filters=filters,
                sort=Sort(asked.sort),
                limit=asked.limit,
                cursor=asked.cursor,
            ),
        )

    @operation(
        operation_id="search",
        public=True,
        tags=["search"],
        summary="Search by words, by a picture, by a sound, or several of them",
        description="A sound is refused where the encoder in use does not hear: code `modality_unsupported`.",
        body={
            "application/json": SearchRequestBody,
            "multipart/form-data": file_body(SearchFormRequest, FILES, required=()),
        },
        responses={200: SearchResponse},
        problems=(413, 415),
    )
    def post(self, request: Request) -> HttpResponse:
        if isinstance(request.data, bytes) or not request.content_type.startswith("multipart/"):
            return _answer(request, _request(read_json(request, SearchRequestBody)))
        asked, files = read_form(request, SearchFormRequest, FILES)
        picture = _decode(files["picture"]) if "picture" in files else None
        with uploaded_path(files.get("video")) as video, uploaded_path(files.get("sound")) as sound:
            return _answer(request, _request(asked, picture, video, sound))


def _request(
    asked: SearchRequestBody | SearchFormRequest,
    picture: Image.Image | None = None,
    video: Path | None = None,
    sound: Path | None = None,
) -> SearchQuery:
    return SearchQuery(
        text=asked.text,
        picture=picture,
        picture_token=asked.picture_token,
        video=video,
        sound=sound,
        sound_token=asked.sound_token,
        filters=_filters(asked.filters),
        sort=Sort(asked.sort),
        limit=asked.limit,
        cursor=asked.cursor,
        facets=asked.facets,
    )


def _filters(asked: SearchFilterFields) -> SearchFilters:
    return SearchFilters(
        category=asked.category,
        brands=tuple(asked.brands),
        price_min=asked.price_min,
        price_max=asked.price_max,
        in_stock=asked.in_stock,
        attributes={name: tuple(values) for name, values in asked.attributes.items()},
    )


def _attributes(pairs: list[str]) -> dict[str, tuple[str, ...]]:
    """['colour:red', 'colour:blue'] → {'colour': ('red', 'blue')}"""
    attributes: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        name, _, value = pair.partition(":")
        attributes[name] = (*attributes.get(name, ()), value)
    return attributes


def _decode(file: UploadedFile) -> Image.Image:
    return decode_picture(file.file, PictureLimits.from_settings(engine_settings()))


def _answer(request: Request, asked: SearchQuery) -> HttpResponse:
    result = search_products(asked)
    observe_search(result.timings)
    return json_response(SearchResponse.write(result, Links(request)))
