"""Products opened for the words that found them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from webapp.api.schemas.base import NO_NUL, Schema, Sku
from webapp.clicklog.models import MAX_QUERY_LENGTH

Query = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY_LENGTH, pattern=NO_NUL)]


class ClickRequest(Schema):
    query: Query = Field(description="the words as typed; they are normalised here")
    sku: Sku
    count: int = Field(1, ge=1, le=1000, description="how often it was opened for these words")


class ClicksRequest(Schema):
    """Nothing that tells one shopper from another belongs here."""

    clicks: Annotated[list[ClickRequest], Field(min_length=1, max_length=100)]
