"""Refuses an encoder that does not know what it should: wrong preprocessing and wrong tokens
raise no error elsewhere.

A tower is tested when it is loaded, before a vector of it is used, by what it can show alone.
Texts show much: things with two names must be neighbours. Pictures show little: a tower that
sees nothing is found, a wrong normalisation is not. Only both towers together prove that they
share a space, so that is tested as soon as both are in one process, which every process that
embeds a catalogue's titles and pictures is.
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
COLOURS_NEEDED = 5
"""One of six may be mistaken: a good encoder takes a pale drawing for another. Chance gets here
once in 1,500 loads."""

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
SYNONYMS_NEEDED = 6
"""Pairs share no word, so that an untrained tower cannot pass by them. Chance gets here once in
12,000 loads."""

FIX = "Its weights, tokenizer and preprocessing do not belong together: fetch the checkpoint again."


def check_texts(embed: EmbedTexts) -> None:
    """Eight things and their other names: at least six must be nearest. Raises SelfTestFailed
    naming the mistaken.
    """
    first, second = (embed([pair[side] for pair in SYNONYMS]) for side in (0, 1))
    nearest = enumerate(_nearest(first, second))
    mistaken = [
        f"{SYNONYMS[row][0]} taken for {SYNONYMS[best][1]}" for row, best in nearest if row != best
    ]
    if len(SYNONYMS) - len(mistaken) < SYNONYMS_NEEDED:
        raise SelfTestFailed("this encoder does not know common words", value=mistaken, fix=FIX)


def check_letter_case(embed: EmbedTexts) -> None:
    """Raises SelfTestFailed where capitals make a difference to a tower that was trained without
    them.
    """
    texts = [f"a photo of a {colour} square" for colour in COLOURS]
    if not np.allclose(embed(texts), embed([text.upper() for text in texts]), atol=1e-2):
        raise SelfTestFailed(
            "this encoder's tokenizer tells capitals apart, though its text tower was trained without them",
            fix="Fetch the tokenizer files that belong to the checkpoint.",
        )


def check_pictures(embed: EmbedPictures) -> None:
    """Squares and discs in six colours: each square is nearest to the disc of its colour, but
    for one.

    Raises SelfTestFailed naming the mistaken.
    """
    squares, discs = (
        embed([drawing(colour, disc) for colour in COLOURS]) for disc in (False, True)
    )
    _check_colours(
        _nearest(squares, discs), "this encoder's picture tower does not tell colours apart"
    )


def check_pairs(texts: EmbedTexts, pictures: EmbedPictures) -> None:
    """Six drawn squares must each find its sentence, but for one. Raises SelfTestFailed naming
    the mistaken.
    """
    sentences = texts([f"a photo of a {colour} square" for colour in COLOURS])
    squares = pictures([drawing(colour) for colour in COLOURS])
    _check_colours(
        _nearest(squares, sentences), "this encoder does not recognise plain coloured squares"
    )


def _check_colours(nearest: Sequence[int], problem: str) -> None:
    mistaken = [
        f"{COLOURS[row]} taken for {COLOURS[best]}"
        for row, best in enumerate(nearest)
        if row != best
    ]
    if len(COLOURS) - len(mistaken) < COLOURS_NEEDED:
        raise SelfTestFailed(problem, value=mistaken, fix=FIX)


def _nearest(rows: Vectors, others: Vectors) -> list[int]:
    return [int(best) for best in (rows @ others.T).argmax(axis=1)]


def drawing(colour: str, disc: bool = False) -> Image.Image:
    """A square, or a disc elsewhere, in one colour on grey, 256 × 256."""
    picture = Image.new("RGB", (256, 256), "grey")
    draw = ImageDraw.Draw(picture)
    if disc:
        draw.ellipse((64, 40, 224, 200), fill=colour)
    else:
        draw.rectangle((48, 48, 208, 208), fill=colour)
    return picture
