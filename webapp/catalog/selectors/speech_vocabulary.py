"""Words that a speech engine should expect: how the catalogue's products are called."""

from __future__ import annotations

from webapp.catalog.models import AttributeValue, Category, Product

MAX_PRODUCTS = 20_000
MAX_VALUES = 5_000
MAX_DESCRIPTION = 300


def get_catalogue_phrases() -> list[str]:
    """Return distinct phrases of the catalogue.

    They are titles, brands and beginnings of descriptions of the newest visible products, names
    of categories, and attribute values.
    """
    products = Product.objects.filter(visible=True).order_by("-pk")[:MAX_PRODUCTS]
    phrases: list[str] = []
    for title, brand, description in products.values_list("title", "brand", "description"):
        phrases += [title, brand, description[:MAX_DESCRIPTION]]
    phrases += Category.objects.values_list("name", flat=True)
    phrases += (
        AttributeValue.objects.order_by("value")
        .values_list("value", flat=True)
        .distinct()[:MAX_VALUES]
    )
    return list(dict.fromkeys(filter(None, phrases)))
