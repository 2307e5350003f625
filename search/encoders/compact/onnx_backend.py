"""The picture network in ONNX Runtime: float32, or INT8 with the ranges shipped beside this module.

The model is built in memory from the same weights as torch's network, so there is no second file
to ship, to check or to go stale.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnxruntime
import torch
from torch import Tensor

from search.encoders.compact.backends import Maps
from search.encoders.compact.network import load_network
from search.encoders.compact.onnx_graph import INPUT, onnx_model
from search.encoders.compact.quantise import quantise


class OnnxBackend:
    device = torch.device("cpu")
    at_once = 8

    def __init__(self, maps: Sequence[str], *, quantised: bool) -> None:
        """Raises InvalidWeights when the calibrated ranges cannot be used."""
        model = onnx_model(load_network(maps))
        self._maps = tuple(maps)
        self._session = onnxruntime.InferenceSession(
            quantise(model) if quantised else model.SerializeToString(),
            _options(),
            providers=["CPUExecutionProvider"],
        )

    def __call__(self, pixels: Tensor) -> Maps:
        found = self._session.run(None, {INPUT: pixels.numpy()})
        return {name: torch.from_numpy(each) for name, each in zip(self._maps, found, strict=True)}


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait by spinning take the cores from decoding, from the index and from other
    # processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
