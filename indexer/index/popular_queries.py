"""The queries that shoppers clicked most, as vectors: an index is tuned on them."""

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
    """Return the vectors of the most clicked queries, (at most MAX_TUNING_QUERIES, dim).

    Empty when the index is small enough for exact search, which needs no tuning, and for another
    space than the one in use, whose encoder is not loaded.
    """
    if active_model().space != space or not _needs_tuning(space):
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
        # A build needs no model, and an index tuned on titles is better than none.
        logger.warning("the index is not tuned on popular queries: %s", error)
        return {}


def _needs_tuning(space: Space) -> bool:
    """Return whether a modality may have more views than are searched exactly."""
    stored = Embedding.objects.filter(space=space.fingerprint).order_by("pk")
    return stored[engine_settings().exact_up_to :].exists()
