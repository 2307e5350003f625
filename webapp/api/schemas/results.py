"""Results of a search, and the parts of clips that match a query. Their context is `Links`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from search.types import Evidence, view_asset_id
from webapp.api.links import Links
from webapp.api.schemas.base import (
    ITSELF,
    Convert,
    ModalityName,
    PriceText,
    ResponseSchema,
    Score,
    Seconds,
    Source,
    Text,
    Url,
)
from webapp.retrieval.results import ProductHit


def _asset_id(evidence: Evidence, _links: Links) -> int:
    return view_asset_id(evidence.view_id)


def _start(evidence: Evidence, _links: Links) -> float | None:
    return evidence.span.start if evidence.span else None


def _end(evidence: Evidence, _links: Links) -> float | None:
    return evidence.span.end if evidence.span else None


class EvidenceResponse(ResponseSchema):
    """The view that made the product a hit, one for each modality that contributed.

    Of a video that can be `video` (a key frame, or the clip as a whole), `audio` (its sound) and
    `text` (a subtitle).
    """

    modality: ModalityName
    view: Annotated[int, Source(_asset_id)] = Field(description="id of the asset")
    score: Score = Field(description="cosine similarity with the query")
    standardised: Score = Field(description="the same in standard deviations above chance")
    start: Annotated[Seconds | None, Source(_start)] = Field(
        description="of a clip: second at which the best part begins"
    )
    end: Annotated[Seconds | None, Source(_end)] = Field(
        description="of a clip: second at which the best part ends"
    )


def _page_url(hit: ProductHit, links: Links) -> str:
    return links.page(hit.product)


def _picture_urls(hit: ProductHit, links: Links) -> list[str]:
    return [links.file(asset) for asset in hit.pictures]


class HitResponse(ResponseSchema):
    """A product that matches the query, and why."""

    sku: Annotated[str, Source("product.sku")]
    title: Annotated[str, Source("product.local_title")]
    brand: Annotated[str, Source("product.brand")]
    price: Annotated[PriceText | None, Source("product.price")]
    currency: Annotated[str, Source("product.currency")]
    url: Annotated[Url, Source(_page_url)] = Field(description="page of the product")
    pictures: Annotated[list[Url], Source(_picture_urls)]
    score: Score
    evidence: list[EvidenceResponse]


class FacetValueResponse(ResponseSchema):
    """A value of a facet, and the number of products that have it."""

    value: str
    label: Text
    count: int
    selected: bool


class FacetResponse(ResponseSchema):
    """A facet and its values."""

    name: str = Field(description="category, brand, or attr:<name>")
    label: Text
    values: list[FacetValueResponse]


class PriceRange(ResponseSchema):
    """The lowest and the highest price."""

    min: Annotated[PriceText, Source(lambda prices, _links: prices[0])]
    max: Annotated[PriceText, Source(lambda prices, _links: prices[1])]


def _round_stages(stages: dict[str, float]) -> dict[str, float]:
    return {stage: round(milliseconds, 3) for stage, milliseconds in stages.items()}


class SearchResponse(ResponseSchema):
    """A page of results."""

    hits: list[HitResponse]
    total: int
    window_full: bool = Field(description="more products may match than `total` counts")
    facets: list[FacetResponse]
    price_range: PriceRange | None
    next_cursor: str = Field(description="empty on the last page")
    picture_token: str = Field(
        description="replaces the query picture or video in the next request; else empty"
    )
    sound_token: str = Field(description="replaces the query sound in the next request; else empty")
    timings_ms: Annotated[dict[str, float], Source("timings.stages"), Convert(_round_stages)] = (
        Field(description="milliseconds by stage")
    )
    generation: int | None = Field(description="generation of the index that was searched")
    seq: int = Field(description="number of the newest change that was searched")


class ClipMatchResponse(ResponseSchema):
    """A part of a clip, and how well it matches the query."""

    start: Annotated[Seconds, Source("span.start")] = Field(description="second")
    end: Annotated[Seconds, Source("span.end")] = Field(description="second")
    standardised: Score = Field(
        description="similarity with the query, in standard deviations above chance"
    )


class ClipTimelineResponse(ResponseSchema):
    """The parts of one clip in one modality, in order of time.

    They are key frames, windows of sound, or subtitles.
    """

    view: Annotated[int, Source("asset_id")] = Field(description="id of the asset")
    modality: ModalityName
    moments: Annotated[list[ClipMatchResponse], Source("matches")]


class ClipTimelinesResponse(ResponseSchema):
    """The timelines of a product's clips."""

    items: Annotated[list[ClipTimelineResponse], ITSELF]
