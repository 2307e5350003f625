"""Clicks: products that were opened from the results of a query."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from webapp.api.schemas.base import NO_NUL, Schema, Sku
from webapp.clicklog.models import MAX_QUERY_LENGTH

QueryText = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_QUERY_LENGTH, pattern=NO_NUL)
]


class ClickRequest(Schema):
    """A product that was opened for a query."""

    query: QueryText = Field(description="the query as typed; the server normalises it")
    sku: Sku
    count: int = Field(
        1, ge=1, le=1000, description="how often the product was opened for the query"
    )


class ClicksRequest(Schema):
    """Clicks to count. Send nothing that identifies a shopper."""

    clicks: Annotated[list[ClickRequest], Field(min_length=1, max_length=100)]
