"""An embedded query: a search query as vectors, ranked against the index."""

from __future__ import annotations

import numpy as np

from search.ranking.engine import QueryVector, Ranking, StageTimer, rank
from search.ranking.fusion import MODALITY_WEIGHTS, ModalityWeights
from search.types import (
    Ids,
    Modality,
    StageTimings,
    Vectors,
    ViewBatch,
    view_asset_id,
    view_part_number,
)
from search.vectors.contract import IndexReader
from webapp.retrieval.models_runtime import ActiveModel
from webapp.retrieval.query_media import (
    embed_clip_frames,
    embed_clip_sound,
    read_token,
    write_token,
)
from webapp.retrieval.results import MediaTokens
from webapp.retrieval.search_query import SearchQuery


class EmbeddedQuery:
    """A query whose text, media and product are embedded once, to be ranked under any filters.

    `vectors` are its query vectors; `tokens` stand for its picture and sound in the next request.
    Raises QueryError, MediaError, EncoderError and Unavailable when made.
    """

    def __init__(self, query: SearchQuery, model: ActiveModel, timer: StageTimer) -> None:
        self.query = query
        self.index: IndexReader = model.index()
        self.tokens: MediaTokens = {}
        self._model = model
        self._timer = timer
        with timer("embed"):
            self.vectors = [
                *self._text_vectors(),
                *self._picture_vectors(),
                *self._sound_vectors(),
                *self._product_vectors(),
            ]

    def rank(
        self, allowed: Ids | None = None, *, weights: ModalityWeights = MODALITY_WEIGHTS
    ) -> Ranking:
        """Return the best products among the `allowed` ids, or among all for None."""
        if not self.vectors:
            return Ranking((), False, StageTimings())
        similar_to = self.query.similar_to
        ranking = rank(
            self.index,
            self.vectors,
            window=self.query.max_ranked,
            allowed=allowed,
            exclude=frozenset() if similar_to is None else frozenset({similar_to}),
            weights=weights,
        )
        self._timer.add(ranking.timings.stages)
        return ranking

    def _text_vectors(self) -> list[QueryVector]:
        text = " ".join(self.query.text.split())
        if not text:
            return []
        return [QueryVector(self._model.query_encoder().embed_text(text), Modality.TEXT)]

    def _picture_vectors(self) -> list[QueryVector]:
        """Embed the picture, or the key frames of the video, or read the token."""
        token = self.query.picture_token
        if self.query.picture is not None:
            vector = self._model.query_encoder().embed_picture(self.query.picture)
            token = write_token(vector, self._model.space, Modality.PICTURE)
        elif self.query.video is not None:
            vector = embed_clip_frames(self.query.video, self._model.query_encoder())
            token = write_token(vector, self._model.space, Modality.PICTURE)
        return self._token_vectors(Modality.PICTURE, token)

    def _sound_vectors(self) -> list[QueryVector]:
        token = self.query.sound_token
        if self.query.sound is not None:
            vector = embed_clip_sound(self.query.sound, self._model.query_encoder())
            token = write_token(vector, self._model.space, Modality.AUDIO)
        return self._token_vectors(Modality.AUDIO, token)

    def _token_vectors(self, modality: Modality, token: str) -> list[QueryVector]:
        """Read the vector of a token, also right after it was written.

        The next page has only the token, and its scores must be the same.
        """
        if not token:
            return []
        self.tokens[modality] = token
        return [QueryVector(read_token(token, self._model.space, modality), modality)]

    def _product_vectors(self) -> list[QueryVector]:
        """Return the vectors of all assets of the product, with equal weights that sum to 1."""
        if self.query.similar_to is None:
            return []
        vectors = [
            (batch.modality, vector)
            for batch in self.index.get_views(self.query.similar_to)
            for vector in asset_vectors(batch)
        ]
        return [QueryVector(vector, modality, 1 / len(vectors)) for modality, vector in vectors]


def asset_vectors(batch: ViewBatch) -> list[Vectors]:
    """Return one unit vector (dim,) for each asset of a product's views.

    It is the mean of the views of the whole asset, or of its parts where there is none.
    """
    assets, parts = view_asset_id(batch.view_ids), view_part_number(batch.view_ids)
    vectors = []
    for asset in np.unique(assets):
        of_asset = assets == asset
        whole = of_asset & (parts == 0)
        mean = batch.vectors[whole if whole.any() else of_asset].mean(axis=0)
        vectors.append(mean / max(float(np.linalg.norm(mean)), 1e-6))
    return vectors
