"""What a catalogue says, as texts to learn from: shared labels, own names, nothing that singles
a product out."""

from __future__ import annotations

from indexer.tuning.captions import ProductFacts, attribute_values, make_captions, select_attributes


def facts(n: int, **attributes: str) -> ProductFacts:
    values = {name: (value,) for name, value in attributes.items()}
    return ProductFacts(n, (f"Thing {n}",), ("Made by hand.",), "Casual Shoes", "Nike", values)


def shelf() -> list[ProductFacts]:
    return [
        facts(
            n,
            serial=f"S{n}",
            size=str(n % 3),
            gender="men" if n % 2 else "women",
            Colour=("Red", "Blue")[n % 2],
        )
        for n in range(20)
    ]


def test_colour_comes_first_and_numbers_never() -> None:
    assert select_attributes(shelf()) == ("Colour", "gender")


def test_labels_join_values_with_the_kind() -> None:
    texts = make_captions(shelf()[0], ("Colour", "gender"))
    assert texts.labels == (
        "red casual shoes",
        "casual shoes",
        "women casual shoes",
        "women red casual shoes",
        "nike casual shoes",
    )
    assert texts.names == ("Thing 0", "Made by hand.")
    assert "a photo of a red casual shoes" in texts.variants


def test_a_product_that_only_has_a_title_has_no_labels() -> None:
    texts = make_captions(ProductFacts(1, ("Thing",), (), "", "", {}), ())
    assert texts.labels == texts.variants == () and texts.names == ("Thing",)


def test_only_words_are_attribute_values() -> None:
    stored = {"colour": ["red", "blue"], "weight": 3, "material": "oak", "empty": ""}
    assert attribute_values(stored) == {
        "colour": ("red", "blue"),
        "weight": (),
        "material": ("oak",),
        "empty": (),
    }
