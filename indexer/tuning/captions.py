"""Captions: what a catalogue says of a product, as short texts that a shopper might type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLOUR = re.compile(r"colou?r|farbe|couleur|colore|颜色|顏色|色", re.IGNORECASE)
"""Names of the attribute that shoppers name most, besides the kind of product."""

TEMPLATES = ("{}", "a photo of a {}")
MAX_VALUES = 200
"""An attribute with more distinct values tells single products apart, not kinds."""

MAX_VALUE_LENGTH = 40
MAX_ATTRIBUTES = 3
MAX_TEXT_LENGTH = 400


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """What is known of a product.

    `attributes` holds the values of each name; `kind` is the last step of its category.
    """

    product_id: int
    titles: tuple[str, ...]
    descriptions: tuple[str, ...]
    kind: str
    brand: str
    attributes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Captions:
    """The texts of one product.

    `labels` are those of its kind, `names` its own; `variants` are for training only.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    variants: tuple[str, ...]


def select_attributes(facts: Iterable[ProductFacts]) -> tuple[str, ...]:
    """Select the attributes to learn: colour first, then those that most products have.

    An attribute is left out when its values are numbers, long, or nearly as many as the products.
    """
    products: Counter[str] = Counter()
    values: dict[str, set[str]] = {}
    for fact in facts:
        for name, own in fact.attributes.items():
            products[name] += 1
            values.setdefault(name, set()).update(own)
    usable = [name for name in products if _is_descriptive(values[name], products[name])]
    usable.sort(
        key=lambda name: (not COLOUR.search(name), -products[name], len(values[name]), name)
    )
    return tuple(usable[:MAX_ATTRIBUTES])


def _is_descriptive(values: set[str], products: int) -> bool:
    are_words = all(
        not any(sign.isdigit() for sign in value) and len(value) <= MAX_VALUE_LENGTH
        for value in values
    )
    return are_words and 2 <= len(values) <= min(MAX_VALUES, products // 2)


def make_captions(facts: ProductFacts, names: Sequence[str]) -> Captions:
    """Make the captions of a product from the attributes `names`, each once.

    Labels are its kind alone, with the first attribute, with each further one, and with both;
    names are title and description in every language.
    """
    labels = _unique(_make_labels(facts, names))
    own = _unique([*facts.titles, *facts.descriptions])
    variants = _unique(template.format(label) for label in labels[:2] for template in TEMPLATES)
    return Captions(labels, own, tuple(text for text in variants if text not in labels))


def _make_labels(facts: ProductFacts, names: Sequence[str]) -> Iterator[str]:
    first, *others = [facts.attributes.get(name, ()) for name in names] or [()]
    kind = facts.kind.lower()
    named = [_join(value, kind) for value in first] or [kind]
    yield from (*named, kind)
    for values in others:
        for value in values:
            yield from (_join(value, kind), *(_join(value, label) for label in named))
    if facts.brand:
        yield _join(facts.brand, kind)


def _join(value: str, label: str) -> str:
    return f"{value.lower()} {label}".strip()


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    cut = (" ".join(text.split())[:MAX_TEXT_LENGTH] for text in texts)
    return tuple(dict.fromkeys(text for text in cut if text))


def attribute_values(attributes: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the texts of each attribute, from the attributes as stored."""
    values = {
        name: value if isinstance(value, list) else [value] for name, value in attributes.items()
    }
    return {
        name: tuple(str(item) for item in items if isinstance(item, str) and item)
        for name, items in values.items()
    }
