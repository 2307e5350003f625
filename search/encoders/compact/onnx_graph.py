"""The picture network as an ONNX model, so that ONNX Runtime can run it where torch has no fast
arithmetic.

Source of the operators: the ONNX specification, https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from timm.layers.conv2d_same import Conv2dSame
from torch import fx, nn

from search.encoders.compact.network import SIDE, Network

INPUT = "pixels"
OPSET = 17
IR_VERSION = 10


def onnx_model(network: Network) -> ModelProto:
    """A network with folded batch normalisation, float32 → the model from `pixels` (n, 3, 224,
    224) to its maps.

    Outputs stand in the order of `network.maps`, under the names of the tensors inside: these do
    not depend on which maps are asked for, and calibrated ranges go by them.
    """
    writer = _Writer(network)
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
    """Convolutions stay whole: timm's own would otherwise come apart into paddings of a fixed
    batch size.
    """

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, nn.Conv2d) or super().is_leaf_module(module, name)


class _Writer:
    """Nodes of a traced network → nodes and weights of ONNX. Raises TypeError for other layers
    than this network's.
    """

    def __init__(self, network: Network) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self._network = network
        self._names: dict[Any, str] = {}

    def write(self, graph: fx.Graph) -> list[str]:
        """Returns the names of the tensors that the network gives."""
        for node in graph.nodes:
            if node.op == "output":
                return [self._names[found] for found in node.args[0].values()]
            self._names[node] = self._write(node)
        raise ValueError("a network without an output")

    def _write(self, node: fx.Node) -> str:
        if node.op == "placeholder":
            return INPUT
        inputs = [self._names[each] for each in node.args]
        if node.target is add:
            return self._add("Add", inputs, node.name)
        module = self._network.get_submodule(str(node.target))
        if isinstance(module, nn.Identity):
            return inputs[0]
        if isinstance(module, nn.ReLU6):
            bounds = [self._weight(f"{node.name}.{end}", np.float32(end)) for end in (0, 6)]
            return self._add("Clip", inputs + bounds, node.name)
        return self._convolution(module, inputs, node.name)

    def _convolution(self, module: nn.Module, inputs: list[str], name: str) -> str:
        if not isinstance(module, nn.Conv2d) or module.bias is None:
            raise TypeError(f"no ONNX operator was written for {module}")
        weights = [
            self._weight(f"{name}.{kind}", tensor.detach().contiguous().numpy())
            for kind, tensor in (("weight", module.weight), ("bias", module.bias))
        ]
        padding = (
            {"auto_pad": "SAME_UPPER"}
            if isinstance(module, Conv2dSame)
            else {"pads": [*module.padding] * 2}
        )
        return self._add(
            "Conv", inputs + weights, name,
            kernel_shape=module.kernel_size, strides=module.stride, group=module.groups, **padding,
        )  # fmt: skip

    def _weight(self, name: str, values: npt.ArrayLike) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def _add(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name
