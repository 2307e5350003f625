"""Search queries."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, Json, StringConstraints, WithJsonSchema

from webapp.api.schemas.base import Schema
from webapp.retrieval.filters import Brand, CategorySlug, PriceLimit, SearchFilters
from webapp.retrieval.search_query import (
    Cursor,
    MediaToken,
    PageSize,
    QueryFields,
    QueryText,
    SearchQuery,
    Sort,
    SortOrder,
)


class SearchRequest(QueryFields, Schema):
    """A search as JSON."""


FiltersJson = Annotated[
    Json[SearchFilters],
    WithJsonSchema({"type": "string", "contentMediaType": "application/json"}),
]


class SearchFormRequest(QueryFields, Schema):
    """A search as a form, with the files `picture`, `video` and `sound`."""

    filters: FiltersJson = Field(
        default_factory=SearchFilters, description="SearchFilters as a JSON document"
    )


class SearchParameters(Schema):
    """A search as query parameters."""

    q: QueryText = Field("", description="words")
    category: CategorySlug = Field(
        "", description="slug of a category; its descendants are included"
    )
    brand: Annotated[list[Brand], Field(max_length=100)] = Field(
        default_factory=list, description="repeat it for alternatives"
    )
    price_min: PriceLimit | None = None
    price_max: PriceLimit | None = None
    in_stock: bool = False
    attr: Annotated[
        list[
            Annotated[
                str,
                StringConstraints(max_length=281, pattern=r"^[^\u0000:]{1,80}:[^\u0000]{1,200}$"),
            ]
        ],
        Field(max_length=100),
    ] = Field(default_factory=list, description="name:value; repeat it for more")
    sort: SortOrder = Sort.RELEVANCE
    limit: PageSize = 24
    cursor: Cursor = ""

    def to_query(self) -> SearchQuery:
        """Return the query. Raises pydantic's ValidationError for too many attributes."""
        attributes: dict[str, tuple[str, ...]] = {}
        for pair in self.attr:
            name, _, value = pair.partition(":")
            attributes[name] = (*attributes.get(name, ()), value)
        filters = SearchFilters(
            category=self.category,
            brands=tuple(self.brand),
            price_min=self.price_min,
            price_max=self.price_max,
            in_stock=self.in_stock,
            attributes=attributes,
        )
        return SearchQuery(
            text=self.q, filters=filters, sort=self.sort, limit=self.limit, cursor=self.cursor
        )


class ClipQuery(Schema):
    """A query for the clips of a product: a text, or the token of an earlier picture or sound."""

    q: QueryText = Field("", description="words")
    picture_token: MediaToken = Field("", description="picture_token of a search")
    sound_token: MediaToken = Field("", description="sound_token of a search")

    def to_query(self) -> SearchQuery:
        return SearchQuery(
            text=self.q, picture_token=self.picture_token, sound_token=self.sound_token
        )
