"""What shoppers really ask, as vectors of a space: an index is tuned on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.db.models import Sum

from search.config import engine_settings
from search.errors import EncoderError
from search.types import Modality, Space, TextRole, Vectors
from search.vectors.calibration import MAX_TUNING_QUERIES
from webapp.catalog.models import Embedding
from webapp.clicklog.models import ClickCount
from webapp.retrieval.models_runtime import active_model

logger = logging.getLogger(__name__)


def embed_popular_queries(space: Space) -> Mapping[Modality, Vectors]:
    """The queries clicked most often, embedded, (at most MAX_TUNING_QUERIES, dim); none where nothing is
    tuned on them.

    Nothing is tuned in an index that is small enough to be searched exactly, and only the
    encoder of the space in use is at hand.
    """
    if active_model().space != space or not _tuned(space):
        return {}
    texts = list(
        ClickCount.objects.values("query")
        .annotate(total=Sum("count"))
        .order_by("-total", "query")[:MAX_TUNING_QUERIES]
        .values_list("query", flat=True)
    )
    if not texts:
        return {}
    try:
        return {Modality.TEXT: active_model().encoder().encode_texts(texts, TextRole.QUERY)}
    except EncoderError as error:
        # The index itself needs no model, and an index tuned on titles is better than none.
        logger.warning("the index is not tuned on what was asked: %s", error)
        return {}


def _tuned(space: Space) -> bool:
    """May the index hold more views of a modality than are searched exactly?"""
    stored = Embedding.objects.filter(space=space.fingerprint).order_by("pk")
    return stored[engine_settings().exact_up_to :].exists()
