"""Read YAMNet from a TFLite file: its weights, and its own predictions to verify our network.

Needs the package `ai-edge-litert`, which only the training uses. The file stores kernels in 8 bits
with one scale per channel, as our own weight files do, so packing them again loses nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import Tensor

from search.types import Waveform

SAMPLES = 15_600
"""Input length of the teacher: 0.975 s at 16 kHz."""

_PLACE = re.compile(r"yamnet_frames/layer(\d+)/(conv|depthwise_conv|pointwise_conv)/")
_OURS = {"conv": "stem", "depthwise_conv": "depth", "pointwise_conv": "point"}


class YamnetTeacher:
    """YAMNet from its TFLite file."""

    def __init__(self, path: Path) -> None:
        self._interpreter: Any = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()

    def scores(self, wave: Waveform) -> npt.NDArray[np.float32]:
        """Return the class probabilities, (521,), of SAMPLES samples at 16 kHz."""
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], wave)
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._interpreter.get_output_details()[0]["index"])[0]
        return cast("npt.NDArray[np.float32]", found)

    def network(self) -> dict[str, Tensor]:
        """Return the weights of `AudioNetwork`, kernels as matrices, float32."""
        weights = {}
        for detail in self._interpreter.get_tensor_details():
            name = detail["name"].split(";")[0]
            place = _PLACE.match(name)
            if place and not name.endswith("Relu"):
                weights[_our_name(place[1], place[2], detail)] = self._matrix(detail)
        return weights

    def classifier(self) -> tuple[Tensor, Tensor]:
        """Return weight (521, 1024) and bias (521,) of the last layer."""
        details = self._interpreter.get_tensor_details()
        weight = next(one for one in details if tuple(one["shape"]) == (521, 1024))
        bias = next(one for one in details if tuple(one["shape"]) == (521,))
        return self._matrix(weight), self._matrix(bias)

    def _matrix(self, detail: Any) -> Tensor:
        values = torch.from_numpy(self._interpreter.get_tensor(detail["index"]).astype(np.float32))
        quantised = detail["quantization_parameters"]
        if len(scales := torch.from_numpy(quantised["scales"])):
            shape = [1] * values.ndim
            shape[quantised["quantized_dimension"]] = len(scales)
            values = values * scales.view(shape)
        if values.ndim == 4 and values.shape[0] == 1:  # Depthwise: (1, height, width, channels).
            values = values.permute(3, 0, 1, 2)
        elif values.ndim == 4:  # (outputs, height, width, inputs)
            values = values.permute(0, 3, 1, 2)
        return values.flatten(1).contiguous() if values.ndim > 1 else values


def _our_name(layer: str, kind: str, detail: Any) -> str:
    part = "bias" if len(detail["shape"]) == 1 else "weight"
    return f"stem.{part}" if kind == "conv" else f"blocks.{int(layer) - 2}.{_OURS[kind]}.{part}"
