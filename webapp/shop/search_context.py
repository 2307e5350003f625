"""The search that led a shopper to a product page, and its matches in the product's clips."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Self

from django.core.exceptions import ValidationError
from django.http import QueryDict

from search.errors import EncoderError, IndexingError, QueryError, Unavailable
from webapp.catalog.models import Product
from webapp.retrieval.clip_matches import ClipTimeline, match_clips
from webapp.retrieval.filters import SearchFilters
from webapp.retrieval.search_query import SearchQuery
from webapp.shop.search_params import parse_search_params

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchContext:
    """`clip` and `second` come from the card that was followed; `timelines` from the query."""

    timelines: tuple[ClipTimeline, ...] = ()
    clip: int = 0
    second: float = 0.0

    def start_of(self, asset_id: int) -> float | None:
        """Return the second at which this clip starts; None for another clip."""
        return self.second if self.clip == asset_id else None

    @classmethod
    def read(cls, params: QueryDict, product: Product) -> Self:
        """Read the parameters of a product page's URL.

        Invalid ones are ignored, and so are errors of the search: the page itself matters more.
        """
        clip, second = params.get("clip", ""), _parse_second(params.get("t", ""))
        is_valid = clip.isdecimal() and len(clip) < 19 and second is not None
        return cls(_match_clips(params, product), int(clip) if is_valid else 0, second or 0.0)


def _parse_second(text: str) -> float | None:
    try:
        second = float(text)
    except ValueError:
        return None
    return second if math.isfinite(second) and second >= 0 else None


def _match_clips(params: QueryDict, product: Product) -> tuple[ClipTimeline, ...]:
    try:
        query = _parse_query(params)
        return match_clips(query, product.pk) if query else ()
    except QueryError:
        return ()
    except (IndexingError, EncoderError, Unavailable):
        logger.exception("cannot match the clips of %s", product.sku)
        return ()


def _parse_query(params: QueryDict) -> SearchQuery | None:
    """Return the query of a URL, None for a URL without one. Raises QueryError."""
    try:
        query = parse_search_params(params)
    except ValidationError:
        return None
    if query.is_browse:
        return None
    product_ids = Product.objects.filter(sku=query.like, visible=True).values_list("pk", flat=True)
    like = product_ids.first() if query.like else None
    return query.model_copy(
        update={"similar_to": like, "filters": SearchFilters(), "cursor": "", "facets": False}
    )
