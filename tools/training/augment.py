"""More texts for the same pictures: frozen text towers make a variation a text of its own,
encoded once like the rest.

Colours are never dropped, because a text without its colour is true of other pictures too.
Source of word dropout: Iyyer et al., Deep Unordered Composition Rivals Syntactic Methods (2015).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tools.training.examples import LABEL_TEMPLATES, Example

COLOURS = frozenset({
    "beige", "black", "blue", "bronze", "brown", "burgundy", "charcoal", "copper", "cream", "gold", "golden", "gray",
    "green", "grey", "khaki", "lavender", "magenta", "maroon", "mint", "multicolored", "multicoloured", "mustard",
    "navy", "olive", "orange", "peach", "pink", "purple", "red", "rust", "silver", "tan", "teal", "turquoise", "violet",
    "white", "yellow",
})  # fmt: skip
FEWEST_WORDS = 4
FEWEST_PARTS = 3
LONGEST_LABEL = 3


@dataclass(frozen=True, slots=True)
class TextVariations:
    """How texts are varied: `copies` variations of each, words dropped with probability
    `dropout`, drawn from `seed`.

    The variations of a text depend on the seed and the text alone, so they stay the same, and
    cached, when other texts come or go.
    """

    copies: int = 0
    dropout: float = 0.15
    seed: int = 0

    def of(self, text: str) -> tuple[str, ...]:
        """Distinct variations other than the text itself, `copies` at most: a label of up to
        three words gets another template, a list of attributes another order, and a longer text
        loses words.
        """
        rng = np.random.default_rng([self.seed, *hashlib.sha256(text.encode()).digest()])
        found = [self._one(text, rng) for _ in range(self.copies)]
        return tuple(dict.fromkeys(one for one in found if one != text))

    def _one(self, text: str, rng: np.random.Generator) -> str:
        if len(text.split(", ")) >= FEWEST_PARTS:
            return reordered(text, rng)
        if len(text.split()) <= LONGEST_LABEL:
            return in_template(text, rng)
        return drop_words(text, self.dropout, rng)


def varied(examples: Iterable[Example], variations: TextVariations) -> list[Example]:
    """The examples with the variations of their texts added."""
    return [
        replace(
            example, texts=tuple(dict.fromkeys([*example.texts, *_variations(example, variations)]))
        )
        for example in examples
    ]


def _variations(example: Example, variations: TextVariations) -> list[str]:
    return [one for text in example.texts for one in variations.of(text)]


def drop_words(text: str, share: float, rng: np.random.Generator) -> str:
    """The text without some of its words, each dropped with probability `share`. Texts of fewer
    than four words stay whole, colours stay always, and at least half of the words do.
    """
    words = text.split()
    if len(words) < FEWEST_WORDS:
        return text
    may_go = [
        index for index, word in enumerate(words) if word.strip(".,;:!?()").lower() not in COLOURS
    ]
    dropped = set(
        rng.permutation([index for index in may_go if rng.random() < share])[
            : len(words) // 2
        ].tolist()
    )
    return " ".join(word for index, word in enumerate(words) if index not in dropped)


def in_template(label: str, rng: np.random.Generator) -> str:
    """A label in one of the templates."""
    return LABEL_TEMPLATES[rng.integers(len(LABEL_TEMPLATES))].format(label)


def reordered(text: str, rng: np.random.Generator) -> str:
    """A list of attributes, separated by commas, in another order."""
    parts = text.split(", ")
    return ", ".join(parts[index] for index in rng.permutation(len(parts)))
