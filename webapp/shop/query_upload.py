"""The shopper's own picture or sound: exchanged for a token that stands in the URL.

A small copy of a picture is cached for an hour, to be shown in the search box.
"""

from __future__ import annotations

import base64
import io
from typing import Any, BinaryIO

from django.core.cache import cache
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from PIL import Image

from search.config import engine_settings
from search.files import sha256_hex
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from webapp.retrieval.query_media import uploaded_path
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.search_params import SearchParams

DECODE_SIDE = 512
"""Shorter side kept, in pixels: more than the input of any encoder preset."""

PREVIEW_SIDE = 144
PREVIEW_TTL_S = 3600


def add_picture(params: SearchParams, file: BinaryIO | File[Any]) -> SearchParams:
    """Return the parameters with a picture. Raises MediaError, EncoderError, Unavailable."""
    limits = PictureLimits.from_settings(engine_settings())
    picture = decode_picture(file, limits, at_least=DECODE_SIDE)  # type: ignore[arg-type]  # a Django File reads like one
    query = SearchQuery(picture=picture, limit=1, facets=False, max_ranked=1)
    token = search_products(query).picture_token
    cache.set(_cache_key(token), _data_url(picture), PREVIEW_TTL_S)
    return params.model_copy(update={"picture_token": token})


def add_sound(params: SearchParams, file: UploadedFile[Any]) -> SearchParams:
    """Return the parameters with a sound.

    Raises MediaError, EncoderError, Unavailable, and QueryError for a silent one.
    """
    with uploaded_path(file) as path:
        query = SearchQuery(sound=path, limit=1, facets=False, max_ranked=1)
        token = search_products(query).sound_token
    return params.model_copy(update={"sound_token": token})


def get_preview(picture_token: str) -> str:
    """Return the query picture as a data URL; '' when it is no longer cached."""
    return cache.get(_cache_key(picture_token), "") if picture_token else ""


def _cache_key(token: str) -> str:
    return "query-picture:" + sha256_hex(token)


def _data_url(picture: Image.Image) -> str:
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=75)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
