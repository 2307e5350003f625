"""Products and their assets."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from webapp.api.schemas.base import (
    Cursor,
    Name,
    PageSize,
    PriceText,
    Schema,
    Slug,
    Timestamp,
    Url,
)
from webapp.catalog.product_fields import ProductFields, Title, check_price_currency


class ProductRequest(ProductFields, Schema):
    """A whole product. Fields left out get their defaults."""

    title: Title

    @model_validator(mode="after")
    def _price_has_currency(self) -> ProductRequest:
        check_price_currency(self.price, self.currency)
        return self


def without_defaults(schema: dict[str, Any]) -> None:
    """Remove defaults: a field left out of a change stays as it is, so they would mislead."""
    for field in schema["properties"].values():
        field.pop("default", None)


class ProductPatch(ProductFields, Schema):
    """Fields to change; those left out stay.

    `attributes` and `translations` are replaced as a whole.
    """

    model_config = ConfigDict(json_schema_extra=without_defaults)


class ProductQuery(Schema):
    category: Slug = Field("", description="slug of a category; its descendants are included")
    brand: Annotated[list[Name], Field(max_length=100)] = Field(
        default_factory=list, description="repeat it for alternatives"
    )
    visible: bool | None = Field(
        None, description="without the scope catalog:read only visible products are listed"
    )
    updated_since: AwareDatetime | None = Field(None, description="changed at that time or later")
    limit: PageSize = 50
    cursor: Cursor = ""


class SimilarQuery(Schema):
    limit: PageSize = 12


class ProductResponse(Schema):
    sku: str
    title: str
    description: str
    translations: dict[str, dict[str, str]]
    language: str
    brand: str
    category: list[str] = Field(description="names from the root down")
    category_slug: str
    price: PriceText | None
    currency: str
    stock: int | None
    attributes: dict[str, object]
    visible: bool
    url: Url = Field(description="page of the product")
    pictures: list[Url]
    created: Timestamp
    updated: Timestamp


class ProductPage(Schema):
    items: list[ProductResponse]
    next_cursor: str
