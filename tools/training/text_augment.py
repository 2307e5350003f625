"""Variations of the training texts. The frozen text tower encodes each variation once.

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
    "beige", "black", "blue", "bronze", "brown", "burgundy", "charcoal", "copper", "cream",
    "gold", "golden", "gray", "green", "grey", "khaki", "lavender", "magenta", "maroon", "mint",
    "multicolored", "multicoloured", "mustard", "navy", "olive", "orange", "peach", "pink",
    "purple", "red", "rust", "silver", "tan", "teal", "turquoise", "violet", "white", "yellow",
})  # fmt: skip
MIN_WORDS = 4
MIN_PARTS = 3
MAX_LABEL_WORDS = 3


@dataclass(frozen=True, slots=True)
class TextVariations:
    """How texts are varied: `copies` variations each, words dropped with probability `dropout`.

    The variations of a text depend on the seed and the text alone, so that cached features stay
    valid when other texts are added or removed.
    """

    copies: int = 0
    dropout: float = 0.15
    seed: int = 0

    def vary(self, text: str) -> tuple[str, ...]:
        """Return at most `copies` distinct variations, without the text itself.

        A label of up to three words gets another template, a list of attributes another order,
        and a longer text loses words.
        """
        rng = np.random.default_rng([self.seed, *hashlib.sha256(text.encode()).digest()])
        variations = [self._vary_once(text, rng) for _ in range(self.copies)]
        return tuple(dict.fromkeys(one for one in variations if one != text))

    def _vary_once(self, text: str, rng: np.random.Generator) -> str:
        if len(text.split(", ")) >= MIN_PARTS:
            return reorder_parts(text, rng)
        if len(text.split()) <= MAX_LABEL_WORDS:
            return apply_template(text, rng)
        return drop_words(text, self.dropout, rng)


def vary_texts(examples: Iterable[Example], variations: TextVariations) -> list[Example]:
    """Return the examples with variations of their texts added."""
    return [replace(example, texts=_add_variations(example, variations)) for example in examples]


def _add_variations(example: Example, variations: TextVariations) -> tuple[str, ...]:
    added = [one for text in example.texts for one in variations.vary(text)]
    return tuple(dict.fromkeys([*example.texts, *added]))


def drop_words(text: str, share: float, rng: np.random.Generator) -> str:
    """Drop words of a text, each with probability `share`.

    Texts of fewer than four words stay whole; colours and at least half of the words stay.
    """
    words = text.split()
    if len(words) < MIN_WORDS:
        return text
    droppable = [
        index for index, word in enumerate(words) if word.strip(".,;:!?()").lower() not in COLOURS
    ]
    dropped = set(
        rng.permutation([index for index in droppable if rng.random() < share])[
            : len(words) // 2
        ].tolist()
    )
    return " ".join(word for index, word in enumerate(words) if index not in dropped)


def apply_template(label: str, rng: np.random.Generator) -> str:
    """Put a label into a random template."""
    return LABEL_TEMPLATES[rng.integers(len(LABEL_TEMPLATES))].format(label)


def reorder_parts(text: str, rng: np.random.Generator) -> str:
    """Shuffle a list of attributes, separated by commas."""
    parts = text.split(", ")
    return ", ".join(parts[index] for index in rng.permutation(len(parts)))
