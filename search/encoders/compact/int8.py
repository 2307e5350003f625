"""INT8 for the picture network: weights per channel, activations by calibrated ranges.

Source: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference (2018), https://arxiv.org/abs/1712.05877, as implemented by
`onnxruntime.quantization`. INT8 changes vectors by more than rounding, so it has a space of its
own, named by the calibrated ranges.

ONNX Runtime is imported inside functions: every process reads the digest, few processes quantise.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.config import EngineSettings
from search.encoders.protocol import Pixels
from search.errors import InvalidWeights, WeightsMissing
from search.files import file_sha256

if TYPE_CHECKING:
    from onnx import ModelProto

INPUT = "pixels"
"""Name of the network's input in ONNX."""

RANGES = Path(__file__).parent / "weights" / "int8_ranges.json"
FIX = "Restore the file, or run `make calibrate-int8`."


def int8_digest(settings: EngineSettings, ranges: Path = RANGES) -> str:
    """Return what INT8 adds to the names of space and towers; '' for other precisions.

    Raises WeightsMissing without the calibrated ranges.
    """
    if settings.precision != "int8":
        return ""
    if not ranges.is_file():
        raise WeightsMissing(
            "the calibrated ranges of INT8 are missing", value=str(ranges), fix=FIX
        )
    return f"int8 {file_sha256(ranges)}"


def quantise(model: ModelProto, ranges: Path = RANGES) -> bytes:
    """Return a float32 model in INT8, serialised. Raises InvalidWeights when ranges do not fit."""
    try:
        return _quantise(model, ranges, None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidWeights(
            f"calibrated ranges do not fit: {error}", value=str(ranges), fix=FIX
        ) from error


def calibrate(model: ModelProto, pictures: Iterable[Pixels], out: Path) -> None:
    """Write the minimum and maximum of each activation over prepared pictures."""
    out.unlink(missing_ok=True)
    _quantise(model, out, _PictureReader(pictures))


class _PictureReader:
    """A CalibrationDataReader of prepared pictures, as `quantize_static` takes it."""

    def __init__(self, pictures: Iterable[Pixels]) -> None:
        self._pictures = iter(pictures)

    def get_next(self) -> dict[str, Any] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {INPUT: picture[None]}


def _quantise(model: ModelProto, ranges: Path, reader: _PictureReader | None) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    # The model needs no preprocessing, because batch normalisation is folded already: without
    # this mark the library warns.
    add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory() as folder, _mute_scale_messages():
        out = Path(folder) / "int8.onnx"
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
def _mute_scale_messages() -> Iterator[None]:
    """Drop the library's hundreds of messages to the root logger about adjusted scales."""
    root = logging.getLogger()

    def keep(record: logging.LogRecord) -> bool:
        return record.module != "qdq_quantizer" or record.levelno > logging.INFO

    root.addFilter(keep)
    try:
        yield
    finally:
        root.removeFilter(keep)
