"""The search query: one type for the shop, the REST API, cursors and the evaluation."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Self

from PIL import Image
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from search.errors import QueryError
from webapp.retrieval.filters import NO_NUL, SearchFilters

MAX_TEXT_LENGTH = 1000
MAX_PAGE_SIZE = 100
MAX_RANKED = 240
"""Products that a search ranks. Nobody pages further, and facets would count noise."""


class Sort(enum.StrEnum):
    """The order of the results."""

    RELEVANCE = "relevance"
    PRICE_ASC = "price"
    PRICE_DESC = "-price"
    NEWEST = "newest"


QueryText = Annotated[str, StringConstraints(max_length=MAX_TEXT_LENGTH, pattern=NO_NUL)]
MediaToken = Annotated[str, StringConstraints(max_length=6000, pattern=r"^[-A-Za-z0-9_:.=]*$")]
Cursor = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[-A-Za-z0-9_:.]*$")]
PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)]
SortOrder = Annotated[
    Sort, WithJsonSchema({"type": "string", "enum": [str(sort) for sort in Sort]})
]


class QueryFields(BaseModel):
    """The fields of a query that can be written as text, in a URL or as JSON.

    `picture_token` and `sound_token` stand for media of an earlier query.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: QueryText = Field(
        "", description="words; none, and no picture or sound, lists the newest products"
    )
    picture_token: MediaToken = Field(
        "", description="picture_token of an earlier answer, instead of its picture"
    )
    sound_token: MediaToken = Field(
        "", description="sound_token of an earlier answer, instead of its sound"
    )
    filters: SearchFilters = Field(default_factory=SearchFilters)
    sort: SortOrder = Sort.RELEVANCE
    cursor: Cursor = Field("", description="next_cursor of the page before, for the same request")
    limit: PageSize = 24
    facets: bool = Field(True, description="count facets and the price range")


class SearchQuery(QueryFields):
    """A search by text, picture, sound or a product, or several of them; by none, a listing.

    `video` is a file whose key frames are the query, in place of a picture; `sound` is an audio
    or video file whose sound is; `similar_to` is a product id. Raises pydantic's ValidationError
    for a field over its limits and QueryError for both a picture and a video.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    picture: Image.Image | None = None
    video: Path | None = None
    sound: Path | None = None
    similar_to: int | None = None
    max_ranked: int = MAX_RANKED

    @model_validator(mode="after")
    def _check_media(self) -> Self:
        if self.picture is not None and self.video is not None:
            raise QueryError("send either a picture or a video, not both", fix="Send one of them.")
        return self

    @property
    def is_browse(self) -> bool:
        """Whether nothing is searched for: all products are listed, by filters and order."""
        texts = (self.text.strip(), self.picture_token, self.sound_token)
        media = (self.picture, self.video, self.sound, self.similar_to)
        return not any(texts) and all(value is None for value in media)
