"""From a request to ranked product ids."""

from __future__ import annotations

import numpy as np

from search.query.engine import Ranking, Stopwatch, rank
from search.query.fuse import SHARES, Shares
from search.query.probe import Probe
from search.types import ASSET_BITS, ASSET_MASK, Modality, StageTimings, Vectors, ViewBatch
from search.vectors.contract import IndexReader
from webapp.retrieval.filters import ProductFilters, allowed_ids
from webapp.retrieval.picture_token import token_read, token_write
from webapp.retrieval.request import SearchRequest
from webapp.retrieval.runtime import Serving


class Question:
    """A request with its pictures and texts embedded once; ranks under any filters."""

    def __init__(self, request: SearchRequest, serving: Serving, watch: Stopwatch) -> None:
        self.request = request
        self.index: IndexReader = serving.index()
        self._serving = serving
        self.picture_token = ""
        self._watch = watch
        self.probes = watch.time("embed", self._embed)

    def rank(self, filters: ProductFilters, *, shares: Shares = SHARES) -> Ranking:
        """The best products that pass. Raises QueryError."""
        allowed = self._watch.time("filter", lambda: allowed_ids(filters))
        if not self.probes:
            return Ranking((), False, StageTimings())
        similar_to = self.request.similar_to
        without = frozenset() if similar_to is None else frozenset({similar_to})
        window = self.request.window
        ranking = rank(self.index, self.probes, window=window, allowed=allowed, without=without, shares=shares)
        self._watch.add(ranking.timings.stages)
        return ranking

    def _embed(self) -> list[Probe]:
        return [*self._text_probes(), *self._picture_probes(), *self._product_probes()]

    def _text_probes(self) -> list[Probe]:
        text = " ".join(self.request.text.split())
        return [Probe(self._serving.query_encoder().embed_text(text), Modality.TEXT)] if text else []

    def _picture_probes(self) -> list[Probe]:
        if self.request.picture is not None:
            vector = self._serving.query_encoder().embed_picture(self.request.picture)
            self.picture_token = token_write(vector, self._serving.space)
        else:
            self.picture_token = self.request.picture_token
        if not self.picture_token:
            return []
        # Also with the picture at hand: the next page has the token alone, and its scores must be the same.
        return [Probe(token_read(self.picture_token, self._serving.space), Modality.PICTURE)]

    def _product_probes(self) -> list[Probe]:
        """A product asks with all its assets, each with the same share."""
        if self.request.similar_to is None:
            return []
        asking = [
            (batch.modality, vector)
            for batch in self.index.vectors_of(self.request.similar_to)
            for vector in whole_assets(batch)
        ]
        return [Probe(vector, modality, 1 / len(asking)) for modality, vector in asking]


def whole_assets(batch: ViewBatch) -> list[Vectors]:
    """One vector for each asset with views in a product's batch: of the asset as a whole, or the mean of its parts."""
    assets, parts = batch.view_ids & ASSET_MASK, batch.view_ids >> ASSET_BITS
    found = []
    for asset in np.unique(assets):
        own = assets == asset
        mean = batch.vectors[own & (parts == 0) if (own & (parts == 0)).any() else own].mean(axis=0)
        found.append(mean / max(float(np.linalg.norm(mean)), 1e-6))
    return found
