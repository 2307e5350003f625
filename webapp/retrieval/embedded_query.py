"""From a request to ranked product ids."""

from __future__ import annotations

import numpy as np

from search.ranking.engine import Ranking, Stopwatch, rank
from search.ranking.fusion import SHARES, Shares
from search.ranking.probe import Probe
from search.types import ASSET_BITS, ASSET_MASK, Modality, StageTimings, Vectors, ViewBatch
from search.vectors.contract import IndexReader
from webapp.retrieval.filters import SearchFilters, allowed_ids
from webapp.retrieval.models_runtime import ActiveModel
from webapp.retrieval.query_media import embed_clip_frames, embed_clip_sound
from webapp.retrieval.query_token import read_token, write_token
from webapp.retrieval.search_query import SearchQuery, Tokens


class EmbeddedQuery:
    """A request with its words, picture and sound embedded once; ranks under any filters.

    `tokens` stand for picture and sound in the next request.
    """

    def __init__(self, request: SearchQuery, model: ActiveModel, watch: Stopwatch) -> None:
        self.request = request
        self.index: IndexReader = model.index()
        self._model = model
        self.tokens: Tokens = {}
        self._watch = watch
        self.probes = watch.time("embed", self._embed)

    def rank(self, filters: SearchFilters, *, shares: Shares = SHARES) -> Ranking:
        """The best products that pass. Raises QueryError."""
        allowed = self._watch.time("filter", lambda: allowed_ids(filters))
        if not self.probes:
            return Ranking((), False, StageTimings())
        similar_to = self.request.similar_to
        without = frozenset() if similar_to is None else frozenset({similar_to})
        window = self.request.max_ranked
        ranking = rank(
            self.index, self.probes, window=window, allowed=allowed, without=without, shares=shares
        )
        self._watch.add(ranking.timings.stages)
        return ranking

    def _embed(self) -> list[Probe]:
        return [
            *self._text_probes(),
            *self._picture_probes(),
            *self._sound_probes(),
            *self._product_probes(),
        ]

    def _text_probes(self) -> list[Probe]:
        text = " ".join(self.request.text.split())
        return [Probe(self._model.query_encoder().embed_text(text), Modality.TEXT)] if text else []

    def _picture_probes(self) -> list[Probe]:
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

    def _sound_probes(self) -> list[Probe]:
        sound, token = self.request.sound, self.request.sound_token
        if sound is not None:
            token = self._token(
                Modality.AUDIO, embed_clip_sound(sound, self._model.query_encoder())
            )
        return self._remembered(Modality.AUDIO, token)

    def _token(self, asked: Modality, vector: Vectors) -> str:
        return write_token(vector, self._model.space, asked)

    def _remembered(self, asked: Modality, token: str) -> list[Probe]:
        """Also with the picture or sound at hand: the next page has the token alone, and its
        scores must be the same.
        """
        if not token:
            return []
        self.tokens[asked] = token
        return [Probe(read_token(token, self._model.space, asked), asked)]

    def _product_probes(self) -> list[Probe]:
        """A product asks with all its assets, each with the same share."""
        if self.request.similar_to is None:
            return []
        asking = [
            (batch.modality, vector)
            for batch in self.index.get_views(self.request.similar_to)
            for vector in asset_vectors(batch)
        ]
        return [Probe(vector, modality, 1 / len(asking)) for modality, vector in asking]


def asset_vectors(batch: ViewBatch) -> list[Vectors]:
    """One vector for each asset with views in a product's batch: of the asset as a whole, or the
    mean of its parts.
    """
    assets, parts = batch.view_ids & ASSET_MASK, batch.view_ids >> ASSET_BITS
    found = []
    for asset in np.unique(assets):
        own = assets == asset
        mean = batch.vectors[own & (parts == 0) if (own & (parts == 0)).any() else own].mean(axis=0)
        found.append(mean / max(float(np.linalg.norm(mean)), 1e-6))
    return found
