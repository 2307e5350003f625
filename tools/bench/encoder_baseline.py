"""Throughput of the encoder alone, as a baseline of the encoding pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.config import engine_settings
from search.encoders.registry import load_encoder
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.modalities import MODALITIES
from search.types import Modality, TextRole


@dataclass(frozen=True, slots=True)
class BaselineRates:
    """Contents per second.

    `model`: the model alone on prepared pictures. `loop`: a plain loop that decodes and encodes in
    turn. `texts`: the model on texts.
    """

    model: float
    loop: float
    texts: float


def measure_baseline(pictures: Sequence[Path], texts: Sequence[str]) -> BaselineRates:
    """Measure all rates on these contents, after a warm-up batch."""
    encoder = load_encoder(engine_settings())
    limits = PictureLimits.from_settings(engine_settings())
    size = encoder.picture_batch_size
    model_s = loop_s = 0.0
    for number, start in enumerate(range(0, len(pictures), size)):
        began = time.perf_counter()
        prepared = [
            encoder.prepare_picture(decode_picture(path, limits, at_least=encoder.decode_size))
            for path in pictures[start : start + size]
        ]
        decoded = time.perf_counter()
        encoder.encode_pictures(prepared)
        if number:
            model_s += time.perf_counter() - decoded
            loop_s += time.perf_counter() - began
    counted = len(pictures) - size
    size = MODALITIES[Modality.TEXT].claim_size or len(texts)
    began = time.perf_counter()
    for start in range(0, len(texts), size):
        encoder.encode_texts(texts[start : start + size], TextRole.DOCUMENT)
    return BaselineRates(
        counted / model_s, counted / loop_s, len(texts) / (time.perf_counter() - began)
    )
