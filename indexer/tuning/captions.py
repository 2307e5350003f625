"""What a catalogue says of a product, as the short texts a shopper might type and a head can
learn from.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLOUR = re.compile(r"colou?r|farbe|couleur|colore|颜色|顏色|色", re.IGNORECASE)
"""Names under which catalogues keep the attribute that shoppers name most beside the kind."""

TEMPLATES = ("{}", "a photo of a {}")
MAX_VALUES = 200
"""An attribute with more distinct values than this names single products rather than kinds."""

MAX_VALUE_LENGTH = 40
MAX_ATTRIBUTES = 3
LONGEST_TEXT = 400


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """What is known of a product. `attributes` holds the values of each name; `kind` is its
    category's last step.
    """

    product_id: int
    titles: tuple[str, ...]
    descriptions: tuple[str, ...]
    kind: str
    brand: str
    attributes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Captions:
    """The texts of one product: `labels` are those of its kind, `names` its own; `variants` are
    only learned from.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    variants: tuple[str, ...]


def select_attributes(facts: Iterable[ProductFacts]) -> tuple[str, ...]:
    """The attributes worth learning, colour first, then those most products have.

    Left out are those whose values are numbers, long, or nearly as many as the products.
    """
    products: Counter[str] = Counter()
    values: dict[str, set[str]] = {}
    for fact in facts:
        for name, own in fact.attributes.items():
            products[name] += 1
            values.setdefault(name, set()).update(own)
    usable = [name for name in products if _describes(values[name], products[name])]
    usable.sort(
        key=lambda name: (not COLOUR.search(name), -products[name], len(values[name]), name)
    )
    return tuple(usable[:MAX_ATTRIBUTES])


def _describes(values: set[str], products: int) -> bool:
    wordy = all(
        not any(sign.isdigit() for sign in value) and len(value) <= MAX_VALUE_LENGTH
        for value in values
    )
    return wordy and 2 <= len(values) <= min(MAX_VALUES, products // 2)


def wording(facts: ProductFacts, names: Sequence[str]) -> Captions:
    """The texts of a product under the attributes `names`, each once: the kind alone, with its
    first attribute, with each further one, and with both; title and description in every
    language.
    """
    labels = _distinct(_labels(facts, names))
    own = _distinct([*facts.titles, *facts.descriptions])
    variants = _distinct(template.format(label) for label in labels[:2] for template in TEMPLATES)
    return Captions(labels, own, tuple(text for text in variants if text not in labels))


def _labels(facts: ProductFacts, names: Sequence[str]) -> Iterator[str]:
    first, *others = [facts.attributes.get(name, ()) for name in names] or [()]
    kind = facts.kind.lower()
    named = [_joined(value, kind) for value in first] or [kind]
    yield from (*named, kind)
    for values in others:
        for value in values:
            yield from (_joined(value, kind), *(_joined(value, label) for label in named))
    if facts.brand:
        yield _joined(facts.brand, kind)


def _joined(value: str, label: str) -> str:
    return f"{value.lower()} {label}".strip()


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    cut = (" ".join(text.split())[:LONGEST_TEXT] for text in texts)
    return tuple(dict.fromkeys(text for text in cut if text))


def attribute_values(attributes: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """A product's attributes as stored → the texts of each."""
    found = {
        name: value if isinstance(value, list) else [value] for name, value in attributes.items()
    }
    return {
        name: tuple(str(item) for item in items if isinstance(item, str) and item)
        for name, items in found.items()
    }
