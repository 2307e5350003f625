"""The shopper's own picture: decoded, exchanged for a token, and kept small for a while to be
shown again.
"""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import BinaryIO

from django.core.cache import cache
from django.core.files.base import File
from PIL import Image

from search.config import engine_settings
from search.files import sha256_hex
from search.media.picture import PictureLimits, decode_picture
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.search_params import Wish

DECODE_SIDE = 512
"""Shorter side kept, in pixels: more than any encoder preset looks at."""

PREVIEW_SIDE = 144
PREVIEW_KEPT_S = 3600


def wish_with_picture(wish: Wish, file: BinaryIO | File) -> Wish:
    """`wish` with the token of this picture. Raises MediaError, EncoderError, Unavailable."""
    limits = PictureLimits.from_settings(engine_settings())
    picture = decode_picture(file, limits, at_least=DECODE_SIDE)
    answer = search_products(SearchQuery(picture=picture, limit=1, facets=False, max_ranked=1))
    cache.set(_key(answer.picture_token), _small(picture), PREVIEW_KEPT_S)
    return replace(wish, picture_token=answer.picture_token)


def preview(picture_token: str) -> str:
    """The picture behind a token as a data URL; empty when none is kept any more, which harms
    nothing.
    """
    return cache.get(_key(picture_token), "") if picture_token else ""


def _key(token: str) -> str:
    return "query-picture:" + sha256_hex(token)


def _small(picture: Image.Image) -> str:
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=75)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
