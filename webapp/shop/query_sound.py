"""The shopper's own sound, hummed, played or recorded: exchanged for a token, as a picture is."""

from __future__ import annotations

from dataclasses import replace

from django.core.files.uploadedfile import UploadedFile

from webapp.retrieval.query_media import uploaded_path
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.search_params import Wish


def wish_with_sound(wish: Wish, file: UploadedFile) -> Wish:
    """`wish` with the token of this sound. Raises MediaError, EncoderError, Unavailable,
    QueryError for silence.
    """
    with uploaded_path(file) as path:
        answer = search_products(SearchQuery(sound=path, limit=1, facets=False, max_ranked=1))
    return replace(wish, sound_token=answer.sound_token)
