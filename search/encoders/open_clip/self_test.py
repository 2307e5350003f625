"""Refuses an encoder whose known pairs do not match: wrong preprocessing and wrong tokens raise no error elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from search.encoders.base import Encoder
from search.errors import SelfTestFailed
from search.types import TextRole

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
NEEDED = 5


def self_test(encoder: Encoder) -> None:
    """Six drawn squares and six sentences: at least five must find each other, and case must make no difference.

    Five, because a good encoder may take one pale drawing for another; chance reaches five once in 7,700 loads.
    Raises SelfTestFailed naming what was mistaken.
    """
    texts = [f"a photo of a {colour} square" for colour in COLOURS]
    _check_case(encoder, texts)
    found = _best_texts(encoder, texts)
    mistaken = [f"{colour} taken for {COLOURS[best]}" for colour, best in zip(COLOURS, found, strict=True)
                if COLOURS[best] != colour]  # fmt: skip
    if len(COLOURS) - len(mistaken) < NEEDED:
        raise SelfTestFailed(
            "this encoder does not recognise plain coloured squares",
            value=mistaken,
            fix="Its weights, tokenizer and preprocessing do not belong together: fetch the checkpoint again.",
        )


def _check_case(encoder: Encoder, texts: Sequence[str]) -> None:
    plain = encoder.encode_texts(texts, TextRole.QUERY)
    shouted = encoder.encode_texts([text.upper() for text in texts], TextRole.QUERY)
    if not np.allclose(plain, shouted, atol=1e-2):
        raise SelfTestFailed(
            "this encoder's tokenizer tells capitals apart, though its text tower was trained without them",
            fix="Fetch the tokenizer files that belong to the checkpoint.",
        )


def _best_texts(encoder: Encoder, texts: Sequence[str]) -> list[int]:
    pictures = encoder.encode_pictures([encoder.prepare_picture(_square(colour)) for colour in COLOURS])
    similarity = pictures @ encoder.encode_texts(texts, TextRole.QUERY).T
    return [int(best) for best in similarity.argmax(axis=1)]


def _square(colour: str) -> Image.Image:
    picture = Image.new("RGB", (256, 256), "grey")
    ImageDraw.Draw(picture).rectangle((48, 48, 208, 208), fill=colour)
    return picture
