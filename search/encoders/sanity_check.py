"""Sanity checks of a loaded encoder on known texts and drawings.

Wrong preprocessing and wrong tokens raise no error elsewhere. A tower is checked when it is
loaded, before its first vector is used. Texts alone show much: a thing's two names must be
neighbours. Pictures alone show little: a blind tower is found, a wrong normalisation is not.
Whether two towers share a space shows only with both of them, so pairs are checked as soon as
both are in one process, as in every process that encodes a catalogue's titles and pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from search.errors import SelfTestFailed
from search.types import Vectors

EmbedTexts = Callable[[Sequence[str]], Vectors]
EmbedPictures = Callable[[Sequence[Image.Image]], Vectors]

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
MIN_COLOURS = 5
"""One of six may fail, because a good encoder can confuse pale drawings. Random vectors pass once
in 1,500 loads."""

SYNONYMS = (
    ("sofa", "couch"),
    ("sneakers", "running shoes"),
    ("automobile", "car"),
    ("cup", "mug"),
    ("television", "tv"),
    ("rug", "carpet"),
    ("infant", "baby"),
    ("jewellery", "necklace and earrings"),
)
MIN_SYNONYMS = 6
"""The names of a pair share no word, so an untrained tower cannot match them. Random vectors pass
once in 12,000 loads."""

FIX = "Its weights, tokenizer and preprocessing do not fit: download the checkpoint again."


def check_texts(embed: EmbedTexts) -> None:
    """Check that at least six of eight things are nearest to their other name.

    Raises SelfTestFailed with the wrong pairs.
    """
    first, second = (embed([pair[side] for pair in SYNONYMS]) for side in (0, 1))
    wrong = [
        f"{SYNONYMS[row][0]} taken for {SYNONYMS[best][1]}"
        for row, best in enumerate(_nearest(first, second))
        if row != best
    ]
    if len(SYNONYMS) - len(wrong) < MIN_SYNONYMS:
        raise SelfTestFailed("this encoder does not know common words", value=wrong, fix=FIX)


def check_letter_case(embed: EmbedTexts) -> None:
    """Check that capitals do not matter to a tower that was trained without them.

    Raises SelfTestFailed.
    """
    texts = [f"a photo of a {colour} square" for colour in COLOURS]
    if not np.allclose(embed(texts), embed([text.upper() for text in texts]), atol=1e-2):
        raise SelfTestFailed(
            "this encoder's tokenizer keeps capitals, but its text tower was trained without them",
            fix="Download the tokenizer files that belong to the checkpoint.",
        )


def check_pictures(embed: EmbedPictures) -> None:
    """Check that squares in six colours are nearest to the disc of their colour, but for one.

    Raises SelfTestFailed with the wrong pairs.
    """
    squares, discs = (
        embed([draw_shape(colour, disc) for colour in COLOURS]) for disc in (False, True)
    )
    _check_colours(
        _nearest(squares, discs), "this encoder's picture tower does not tell colours apart"
    )


def check_pairs(texts: EmbedTexts, pictures: EmbedPictures) -> None:
    """Check that six drawn squares are nearest to their sentence, but for one.

    Raises SelfTestFailed with the wrong pairs.
    """
    sentences = texts([f"a photo of a {colour} square" for colour in COLOURS])
    squares = pictures([draw_shape(colour) for colour in COLOURS])
    _check_colours(
        _nearest(squares, sentences), "this encoder does not recognise plain coloured squares"
    )


def _check_colours(nearest: Sequence[int], problem: str) -> None:
    wrong = [
        f"{COLOURS[row]} taken for {COLOURS[best]}"
        for row, best in enumerate(nearest)
        if row != best
    ]
    if len(COLOURS) - len(wrong) < MIN_COLOURS:
        raise SelfTestFailed(problem, value=wrong, fix=FIX)


def _nearest(rows: Vectors, others: Vectors) -> list[int]:
    return [int(best) for best in (rows @ others.T).argmax(axis=1)]


def draw_shape(colour: str, disc: bool = False) -> Image.Image:
    """Draw a square, or a disc elsewhere, in one colour on grey, 256 × 256."""
    picture = Image.new("RGB", (256, 256), "grey")
    draw = ImageDraw.Draw(picture)
    if disc:
        draw.ellipse((64, 40, 224, 200), fill=colour)
    else:
        draw.rectangle((48, 48, 208, 208), fill=colour)
    return picture
