"""What a shopper who comes from a results page had asked, and when in the product's clips it is
answered.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import Self

from django.core.exceptions import ValidationError
from django.http import QueryDict

from search.errors import EncoderError, IndexingError, QueryError, Unavailable
from webapp.catalog.models import Product
from webapp.retrieval.clip_matches import ClipTimeline, match_clips
from webapp.retrieval.filters import SearchFilters
from webapp.retrieval.search_query import SearchQuery
from webapp.shop.forms import read_wish

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """`clip` and `second` are those of the card that was followed; `timelines` are every moment,
    scored.
    """

    timelines: tuple[ClipTimeline, ...] = ()
    clip: int = 0
    second: float = 0.0

    def start_of(self, asset_id: int) -> float | None:
        return self.second if self.clip == asset_id else None

    @classmethod
    def read(cls, params: QueryDict, product: Product) -> Self:
        """From the address of a product page. What is wrong with it counts as not asked: the
        page itself matters more.
        """
        clip, second = params.get("clip", ""), _second(params.get("t", ""))
        here = int(clip) if clip.isdecimal() and len(clip) < 19 and second is not None else 0
        return cls(_strips(params, product), here, second or 0.0)


def _second(text: str) -> float | None:
    try:
        second = float(text)
    except ValueError:
        return None
    return second if math.isfinite(second) and second >= 0 else None


def _strips(params: QueryDict, product: Product) -> tuple[ClipTimeline, ...]:
    try:
        asked = _request(params)
        return match_clips(asked, product.pk) if asked else ()
    except QueryError:
        return ()
    except (IndexingError, EncoderError, Unavailable):
        logger.exception("no moments in the clips of %s", product.sku)
        return ()


def _request(params: QueryDict) -> SearchQuery | None:
    """None for an address that asks nothing. Raises QueryError."""
    try:
        wish = read_wish(params)
    except ValidationError:
        return None
    if wish.is_browse:
        return None
    alike = Product.objects.filter(sku=wish.like, visible=True).values_list("pk", flat=True)
    like = alike.first() if wish.like else None
    question = replace(wish, filters=SearchFilters(), cursor="")
    return question.request(similar_to=like, facets=False)
