"""From a request to ranked product ids."""

from __future__ import annotations

import numpy as np

from search.ranking.engine import QueryVector, Ranking, StageTimer, rank
from search.ranking.fusion import MODALITY_WEIGHTS, ModalityWeights
from search.types import (
    Modality,
    StageTimings,
    Vectors,
    ViewBatch,
    view_asset_id,
    view_part_number,
)
from search.vectors.contract import IndexReader
from webapp.retrieval.filters import SearchFilters, allowed_ids
from webapp.retrieval.models_runtime import ActiveModel
from webapp.retrieval.query_media import embed_clip_frames, embed_clip_sound
from webapp.retrieval.query_token import read_token, write_token
from webapp.retrieval.results import MediaTokens
from webapp.retrieval.search_query import SearchQuery


class EmbeddedQuery:
    """A request with its words, picture and sound embedded once; ranks under any filters.

    `tokens` stand for picture and sound in the next request.
    """

    def __init__(self, request: SearchQuery, model: ActiveModel, timer: StageTimer) -> None:
        self.request = request
        self.index: IndexReader = model.index()
        self._model = model
        self.tokens: MediaTokens = {}
        self._timer = timer
        with timer("embed"):
            self.vectors = self._embed()

    def rank(
        self, filters: SearchFilters, *, weights: ModalityWeights = MODALITY_WEIGHTS
    ) -> Ranking:
        """The best products that pass. Raises QueryError."""
        with self._timer("filter"):
            allowed = allowed_ids(filters)
        if not self.vectors:
            return Ranking((), False, StageTimings())
        similar_to = self.request.similar_to
        exclude = frozenset() if similar_to is None else frozenset({similar_to})
        window = self.request.max_ranked
        ranking = rank(
            self.index,
            self.vectors,
            window=window,
            allowed=allowed,
            exclude=exclude,
            weights=weights,
        )
        self._timer.add(ranking.timings.stages)
        return ranking

    def _embed(self) -> list[QueryVector]:
        return [
            *self._text_vectors(),
            *self._picture_vectors(),
            *self._sound_vectors(),
            *self._product_vectors(),
        ]

    def _text_vectors(self) -> list[QueryVector]:
        text = " ".join(self.request.text.split())
        return (
            [QueryVector(self._model.query_encoder().embed_text(text), Modality.TEXT)]
            if text
            else []
        )

    def _picture_vectors(self) -> list[QueryVector]:
        picture, token = self.request.picture, self.request.picture_token
        if picture is not None:
            token = self._token(
                Modality.PICTURE, self._model.query_encoder().embed_picture(picture)
            )
        elif self.request.video is not None:
            token = self._token(
                Modality.PICTURE,
                embed_clip_frames(self.request.video, self._model.query_encoder()),
            )
        return self._remembered(Modality.PICTURE, token)

    def _sound_vectors(self) -> list[QueryVector]:
        sound, token = self.request.sound, self.request.sound_token
        if sound is not None:
            token = self._token(
                Modality.AUDIO, embed_clip_sound(sound, self._model.query_encoder())
            )
        return self._remembered(Modality.AUDIO, token)

    def _token(self, asked: Modality, vector: Vectors) -> str:
        return write_token(vector, self._model.space, asked)

    def _remembered(self, asked: Modality, token: str) -> list[QueryVector]:
        """Also with the picture or sound at hand: the next page has the token alone, and its
        scores must be the same.
        """
        if not token:
            return []
        self.tokens[asked] = token
        return [QueryVector(read_token(token, self._model.space, asked), asked)]

    def _product_vectors(self) -> list[QueryVector]:
        """A product asks with all its assets, each with the same share."""
        if self.request.similar_to is None:
            return []
        asking = [
            (batch.modality, vector)
            for batch in self.index.get_views(self.request.similar_to)
            for vector in asset_vectors(batch)
        ]
        return [QueryVector(vector, modality, 1 / len(asking)) for modality, vector in asking]


def asset_vectors(batch: ViewBatch) -> list[Vectors]:
    """One vector for each asset with views in a product's batch: of the asset as a whole, or the
    mean of its parts.
    """
    assets, parts = view_asset_id(batch.view_ids), view_part_number(batch.view_ids)
    found = []
    for asset in np.unique(assets):
        own = assets == asset
        mean = batch.vectors[own & (parts == 0) if (own & (parts == 0)).any() else own].mean(axis=0)
        found.append(mean / max(float(np.linalg.norm(mean)), 1e-6))
    return found
