"""What a catalogue's products are called: the words a speech engine should expect."""

from __future__ import annotations

from webapp.catalog.models import AttributeValue, Category, Product

MOST_PRODUCTS = 20_000
MOST_VALUES = 5_000
LONGEST_DESCRIPTION = 300


def get_catalogue_phrases() -> list[str]:
    """Titles, brands and beginnings of descriptions of the newest visible products; categories;
    attribute values.
    """
    products = Product.objects.filter(visible=True).order_by("-pk")[:MOST_PRODUCTS]
    phrases: list[str] = []
    for title, brand, description in products.values_list("title", "brand", "description"):
        phrases += [title, brand, description[:LONGEST_DESCRIPTION]]
    phrases += Category.objects.values_list("name", flat=True)
    phrases += (
        AttributeValue.objects.order_by("value")
        .values_list("value", flat=True)
        .distinct()[:MOST_VALUES]
    )
    return list(dict.fromkeys(filter(None, phrases)))
