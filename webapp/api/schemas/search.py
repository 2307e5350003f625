"""Searching: what can be asked, and the answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Json, StringConstraints, WithJsonSchema

from webapp.api.schemas.base import (
    NO_NUL,
    AttributeName,
    AttributeText,
    Cursor,
    Name,
    PageSize,
    Price,
    Schema,
    Slug,
)
from webapp.retrieval.search_query import MAX_TEXT_LENGTH

SortName = Literal["relevance", "price", "-price", "newest"]
SearchText = Annotated[str, StringConstraints(max_length=MAX_TEXT_LENGTH, pattern=NO_NUL)]
QuestionToken = Annotated[str, StringConstraints(max_length=6000, pattern=r"^[-A-Za-z0-9_:.=]*$")]
Brands = Annotated[list[Name], Field(max_length=100)]


class SearchFilterFields(Schema):
    """All given filters must hold; brands, and the values of one attribute, are alternatives of
    each other.
    """

    category: Slug = Field("", description="slug of a category; its descendants are included")
    brands: Brands = Field(default_factory=list)
    price_min: Price | None = None
    price_max: Price | None = None
    in_stock: bool = Field(
        False, description="only products in stock, or whose stock is not counted"
    )
    attributes: Annotated[
        dict[AttributeName, Annotated[list[AttributeText], Field(min_length=1, max_length=100)]],
        Field(max_length=50),
    ] = Field(default_factory=dict, description="accepted values by attribute name")


class SearchPage(Schema):
    """What every way of asking has in common."""

    text: SearchText = Field(
        "", description="words; none, and no picture or sound, lists the newest products"
    )
    sort: SortName = "relevance"
    limit: PageSize = 24
    cursor: Cursor = Field("", description="next_cursor of the page before, for the same request")
    facets: bool = Field(True, description="count facets and the price range")


class SearchRequestBody(SearchPage):
    """A search as JSON."""

    filters: SearchFilterFields = Field(default_factory=SearchFilterFields)
    picture_token: QuestionToken = Field(
        "", description="picture_token of an earlier answer, instead of its picture"
    )
    sound_token: QuestionToken = Field(
        "", description="sound_token of an earlier answer, instead of its sound"
    )


FiltersText = Annotated[
    Json[SearchFilterFields],
    WithJsonSchema({"type": "string", "contentMediaType": "application/json"}),
]


class SearchFormRequest(SearchPage):
    """A search as a form, beside the files `picture`, `video` and `sound`."""

    filters: FiltersText = Field(
        default_factory=SearchFilterFields, description="SearchFilterFields as a JSON document"
    )
    picture_token: QuestionToken = ""
    sound_token: QuestionToken = ""


class SearchParameters(Schema):
    """A search as query parameters."""

    q: SearchText = Field("", description="words")
    category: Slug = Field("", description="slug of a category; its descendants are included")
    brand: Brands = Field(default_factory=list, description="repeat it for alternatives")
    price_min: Price | None = None
    price_max: Price | None = None
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
    sort: SortName = "relevance"
    limit: PageSize = 24
    cursor: Cursor = ""


class ClipQuery(Schema):
    """A query for the clips of a product: a text, or the token of an earlier picture or sound."""

    q: SearchText = Field("", description="words")
    picture_token: QuestionToken = Field("", description="picture_token of a search")
    sound_token: QuestionToken = Field("", description="sound_token of a search")
