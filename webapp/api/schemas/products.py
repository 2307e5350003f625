"""Products and their assets."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    model_validator,
)

from webapp.api.schemas.base import (
    NO_NUL,
    AttributeName,
    AttributeText,
    Cursor,
    FilledName,
    Language,
    Name,
    PageSize,
    Price,
    PriceText,
    Schema,
    Slug,
    Timestamp,
    Url,
)

Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$"),
]
Description = Annotated[str, StringConstraints(max_length=20_000, pattern=NO_NUL)]
Currency = Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")]
Stock = Annotated[int, Field(ge=0, le=2_147_483_647)]
AttributeNumber = Annotated[int, Field(ge=-(10**15), le=10**15)]
Scalar = AttributeText | bool | AttributeNumber | FiniteFloat
AttributeData = Scalar | Annotated[list[Scalar], Field(max_length=100)]
Attributes = Annotated[dict[AttributeName, AttributeData], Field(max_length=100)]
CategoryPath = Annotated[list[FilledName], Field(max_length=10)]


class TranslatedTexts(Schema):
    title: Annotated[str, StringConstraints(max_length=300, pattern=NO_NUL)] = ""
    description: Description = ""


Translations = Annotated[dict[Language, TranslatedTexts], Field(max_length=50)]


class ProductFields(Schema):
    """What a product holds besides its sku and its assets."""

    description: Description = ""
    translations: Translations = Field(default_factory=dict, description="texts by language code")
    language: Language = Field("en", description="language of title and description")
    brand: Name = ""
    category: CategoryPath = Field(
        default_factory=list,
        description="names from the root down; created where missing; empty for none",
    )
    price: Price | None = None
    currency: Currency = Field("", description="three letters (ISO 4217); needed beside a price")
    stock: Stock | None = Field(None, description="null where stock is not counted")
    attributes: Attributes = Field(default_factory=dict)
    visible: bool = True


class ProductRequest(ProductFields):
    """A whole product. Fields left out get their defaults."""

    title: Title

    @model_validator(mode="after")
    def _price_has_currency(self) -> ProductRequest:
        if self.price is not None and not self.currency:
            raise ValueError("a price needs a currency")
        return self


def without_defaults(schema: dict[str, Any]) -> None:
    """A field left out of a change stays as it is, so its default would mislead."""
    for field in schema["properties"].values():
        field.pop("default", None)


class ProductPatch(ProductFields):
    """Fields to change. Those left out stay; `attributes` and `translations` are replaced as a
    whole.
    """

    model_config = ConfigDict(json_schema_extra=without_defaults)

    title: Title = ""


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
