"""The picture network in INT8: weights per channel, activations by calibrated ranges.

Source: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference (2018), https://arxiv.org/abs/1712.05877, as done by
`onnxruntime.quantization`.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onnx import ModelProto
from onnxruntime.quantization import QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from search.encoders.compact.int8_space import MEND, RANGES
from search.encoders.compact.onnx_graph import INPUT
from search.encoders.protocol import Pixels
from search.errors import InvalidWeights


def quantise(model: ModelProto, ranges: Path = RANGES) -> bytes:
    """The network in float32 → the same in INT8, serialised. Raises InvalidWeights when the
    ranges do not fit it.
    """
    try:
        return _quantise(model, ranges, None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidWeights(
            f"calibrated ranges do not fit: {error}", value=str(ranges), fix=MEND
        ) from error


def calibrate(model: ModelProto, pictures: Iterable[Pixels], out: Path) -> None:
    """Write the least and the largest value of each activation over prepared pictures."""
    out.unlink(missing_ok=True)
    _quantise(model, out, _Reader(pictures))


class _Reader:
    """What `quantize_static` takes for a CalibrationDataReader."""

    def __init__(self, pictures: Iterable[Pixels]) -> None:
        self._pictures = iter(pictures)

    def get_next(self) -> dict[str, Any] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {INPUT: picture[None]}


def _quantise(model: ModelProto, ranges: Path, reader: _Reader | None) -> bytes:
    # The model is clean already, batch normalisation folded: without this mark the library warns
    # that it may not be.
    add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory() as scratch, _quiet():
        out = Path(scratch) / "int8.onnx"
        quantize_static(
            model,
            out,
            reader,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibration_cache_path=ranges,
        )
        return out.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """The library tells the root logger of every channel whose scale it widens; there are
    hundreds.
    """
    root = logging.getLogger()

    def matters(record: logging.LogRecord) -> bool:
        return record.module != "qdq_quantizer" or record.levelno > logging.INFO

    root.addFilter(matters)
    try:
        yield
    finally:
        root.removeFilter(matters)
