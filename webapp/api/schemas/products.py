"""Products."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from webapp.api.links import Links
from webapp.api.schemas.base import (
    PriceText,
    ResponseSchema,
    Schema,
    Source,
    Timestamp,
    Url,
)
from webapp.catalog.models import Asset, Category, Product
from webapp.catalog.product_fields import ProductFields, Title, check_price_currency
from webapp.retrieval.filters import Brand, CategorySlug
from webapp.retrieval.search_query import Cursor, PageSize


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
    """Filters of the list of products."""

    category: CategorySlug = Field(
        "", description="slug of a category; its descendants are included"
    )
    brand: Annotated[list[Brand], Field(max_length=100)] = Field(
        default_factory=list, description="repeat it for alternatives"
    )
    visible: bool | None = Field(
        None, description="without the scope catalog:read only visible products are listed"
    )
    updated_since: AwareDatetime | None = Field(None, description="changed at that time or later")
    limit: PageSize = 50
    cursor: Cursor = ""


class SimilarQuery(Schema):
    """Options of a search for similar products."""

    limit: PageSize = 12


class CategoryPaths:
    """The category paths of products, read in one query for all of them."""

    def __init__(self, products: Iterable[Product]) -> None:
        paths = {product.category.path for product in products if product.category}
        ancestors = {ancestor for path in paths for ancestor in _ancestors(path)}
        rows = Category.objects.filter(path__in=ancestors).values_list("path", "name")
        self._names: dict[str, str] = dict(rows) if ancestors else {}

    def names(self, product: Product) -> list[str]:
        """Return the names from the root down to the product's category; empty without one."""
        if product.category is None:
            return []
        ancestors = _ancestors(product.category.path)
        return [self._names[path] for path in ancestors if path in self._names]


def _ancestors(path: str) -> list[str]:
    """Return the materialised paths from the root down to `path`."""
    step = Category.steplen
    return [path[:end] for end in range(step, len(path) + 1, step)]


@dataclass(frozen=True, slots=True)
class ProductContext:
    """What the documents of products need besides the products."""

    links: Links
    categories: CategoryPaths


def _category(product: Product, context: ProductContext) -> list[str]:
    return context.categories.names(product)


def _category_slug(product: Product, _context: ProductContext) -> str:
    return product.category.slug if product.category else ""


def _page_url(product: Product, context: ProductContext) -> str:
    return context.links.page(product)


def _picture_urls(product: Product, context: ProductContext) -> list[str]:
    pictures: list[Asset] = product.pictures  # type: ignore[attr-defined]  # prefetched
    return [context.links.file(asset) for asset in pictures]


class ProductResponse(ResponseSchema):
    """A product. It is written with its category and its `pictures` prefetched."""

    sku: str
    title: str
    description: str
    translations: dict[str, dict[str, str]]
    language: str
    brand: str
    category: Annotated[list[str], Source(_category)] = Field(
        description="names from the root down"
    )
    category_slug: Annotated[str, Source(_category_slug)]
    price: PriceText | None
    currency: str
    stock: int | None
    attributes: dict[str, object]
    visible: bool
    url: Annotated[Url, Source(_page_url)] = Field(description="page of the product")
    pictures: Annotated[list[Url], Source(_picture_urls)]
    created: Annotated[Timestamp, Source("created_at")]
    updated: Annotated[Timestamp, Source("updated_at")]


class ProductPage(ResponseSchema):
    """A page of products."""

    items: list[ProductResponse]
    next_cursor: str
