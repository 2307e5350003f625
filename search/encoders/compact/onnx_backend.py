"""The picture network in ONNX Runtime: float32, or INT8 with the shipped ranges.

The ONNX model is built in memory from the weights of the torch network, so there is no second
file to ship, to check or to become outdated. Source of the operators: the ONNX specification,
https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, fx, nn

from search.encoders.compact.int8 import INPUT, quantise
from search.encoders.compact.network import SIDE, Maps, Network, load_network

OPSET = 17
IR_VERSION = 10


class OnnxBackend:
    """Runs the network on the CPU."""

    device = torch.device("cpu")
    batch_size = 8

    def __init__(self, maps: Sequence[str], *, quantised: bool) -> None:
        """Load the network. Raises InvalidWeights when the calibrated ranges cannot be used."""
        model = build_onnx_model(load_network(maps))
        self._maps = tuple(maps)
        self._session = onnxruntime.InferenceSession(
            quantise(model) if quantised else model.SerializeToString(),
            _session_options(),
            providers=["CPUExecutionProvider"],
        )

    def __call__(self, pixels: Tensor) -> Maps:
        outputs = self._session.run(None, {INPUT: pixels.numpy()})
        return {
            name: torch.from_numpy(array) for name, array in zip(self._maps, outputs, strict=True)
        }


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Spinning threads would take cores from decoding, from the index and from other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def build_onnx_model(network: Network) -> ModelProto:
    """Convert a float32 network with folded batch normalisation.

    The input is `pixels` (n, 3, 224, 224); outputs have the order of `network.maps`. Outputs are
    named like the tensors inside, because calibrated ranges use these names and they do not
    depend on which maps are wanted.
    """
    writer = _GraphWriter(network)
    outputs = writer.write(_Tracer().trace(network))
    graph = helper.make_graph(
        writer.nodes,
        "picture_network",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None, None, None])
            for name in outputs
        ],
        writer.weights,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )


class _Tracer(fx.Tracer):
    """Keeps convolutions whole; timm's would become paddings of a fixed batch size."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, nn.Conv2d) or super().is_leaf_module(module, name)


class _GraphWriter:
    """Turns nodes of a traced network into ONNX nodes and weights.

    Raises TypeError for a layer that this network does not have.
    """

    def __init__(self, network: Network) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self._network = network
        self._names: dict[Any, str] = {}

    def write(self, graph: fx.Graph) -> list[str]:
        """Write all nodes and return the names of the output tensors."""
        for node in graph.nodes:
            if node.op == "output":
                return [self._names[value] for value in node.args[0].values()]
            self._names[node] = self._write_node(node)
        raise ValueError("a network without an output")

    def _write_node(self, node: fx.Node) -> str:
        if node.op == "placeholder":
            return INPUT
        inputs = [self._names[argument] for argument in node.args]
        if node.target is add:
            return self._add_node("Add", inputs, node.name)
        module = self._network.get_submodule(str(node.target))
        if isinstance(module, nn.Identity):
            return inputs[0]
        if isinstance(module, nn.ReLU6):
            bounds = [self._add_weight(f"{node.name}.{end}", np.float32(end)) for end in (0, 6)]
            return self._add_node("Clip", inputs + bounds, node.name)
        return self._write_convolution(module, inputs, node.name)

    def _write_convolution(self, module: nn.Module, inputs: list[str], name: str) -> str:
        if not isinstance(module, nn.Conv2d) or module.bias is None:
            raise TypeError(f"no ONNX operator for {module}")
        weights = [
            self._add_weight(f"{name}.{kind}", tensor.detach().contiguous().numpy())
            for kind, tensor in (("weight", module.weight), ("bias", module.bias))
        ]
        padding = (
            {"auto_pad": "SAME_UPPER"}
            if isinstance(module, Conv2dSame)
            else {"pads": [*module.padding] * 2}
        )
        return self._add_node(
            "Conv",
            inputs + weights,
            name,
            kernel_shape=module.kernel_size,
            strides=module.stride,
            group=module.groups,
            **padding,
        )

    def _add_weight(self, name: str, values: npt.ArrayLike) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def _add_node(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name
