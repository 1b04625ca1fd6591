"""The network as an ONNX file, which other programs run without minisgl.

Every layer becomes one standard operator, or a few, in the same order and with the same numbers. Images are (N, C, H, W),
vectors are (N, D), and N may be any number:

    Conv2d  Conv        MaxPool2d  MaxPool (its padding is never the maximum)       ReLU  Relu
    Flatten  Flatten    Gather     Gather along axis 1                              Linear  Gemm with B transposed: x @ weight^T
    BatchNorm2d  BatchNormalization        ScaleShift       Mul, Add                     a residual block's sum  Add
    AvgPool2d    AveragePool               GlobalAvgPool2d  GlobalAveragePool, Flatten   Dropout  nothing
    Normalize    Sub, Div

The operators are those of opset 13 (2020), whose meaning has not changed since. Only this file imports onnx.
"""

from typing import Any

import numpy as np

from minisgl.backend import to_host
from minisgl.errors import MinisglError, require
from minisgl.nn import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Gather,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Normalize,
    ReLU,
    ScaleShift,
    Step,
    steps,
)
from minisgl.nn.step import IMAGE

OPSET = 13
# The layers whose operator takes their parameters in their order, with the attributes that are the same for all of them.
OPERATORS: dict[type[Layer], tuple[str, dict[str, Any]]] = {
    AvgPool2d: ("AveragePool", {}),
    BatchNorm2d: ("BatchNormalization", {}),
    Conv2d: ("Conv", {}),
    Flatten: ("Flatten", {"axis": 1}),
    Linear: ("Gemm", {"transB": 1}),
    MaxPool2d: ("MaxPool", {}),
    ReLU: ("Relu", {}),
}
KNOWN = (*OPERATORS, Dropout, Gather, GlobalAvgPool2d, Normalize, ScaleShift)
IR_VERSION = 7  # the file format that came with opset 13

# A node's name, its operator, the names of its constants, its attributes.
_Operator = tuple[str, str, list[str], dict[str, Any]]


def require_onnx() -> Any:
    """Return the package onnx; MinisglError says how to install it if it is missing."""
    return require("onnx", "compress", "compact.onnx")


def to_onnx(network: Network) -> bytes:
    """Return the file: input "images" (N, C, H, W), output "logits" (N, classes), float32.

    MinisglError if onnx is missing, or, with the layer's name, if a layer has no ONNX operator or the network is not a tree of
    Sequential and Residual.
    """
    onnx = require_onnx()
    from onnx import helper, numpy_helper  # noqa: PLC0415

    order, flat = steps(network), to_host(network.flat).astype(np.float32)
    arrays = {slot.name: slot.view(flat) for slot in network.layout.slots}
    nodes: list[Any] = []
    outputs = {IMAGE: "images"}  # the value in the file that holds a step's output
    for step in order:
        inputs = [outputs[name] for name in step.reads]
        for name, operator, constants, attributes in _operators(step, arrays):
            nodes.append(helper.make_node(operator, [*inputs, *constants], [f"{name}.output"], name=name, **attributes))
            inputs = [f"{name}.output"]
        (outputs[step.name],) = inputs
    nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        nodes,
        "minisgl",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["N", *network.input_shape])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", network.classes])],
        [numpy_helper.from_array(np.ascontiguousarray(array), key) for key, array in arrays.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="minisgl")
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _operators(step: Step, arrays: dict[str, np.ndarray]) -> list[_Operator]:
    """Return the operators of a step, each of which reads the one before; constants that are new are added to `arrays`."""
    name, layer = step.name, step.layer
    if step.is_sum:
        return [(name, "Add", [], {})]
    if type(layer) not in KNOWN:  # nor a subclass, which may compute something else
        raise MinisglError(f"{name} is a {type(layer).__name__}: there is no ONNX operator for it")
    parameters = [f"{name}.{parameter.key}" for parameter in layer.parameters]
    match layer:
        case Dropout():
            return []
        case Normalize() | ScaleShift():
            return _scaled(step, layer, arrays)
        case GlobalAvgPool2d():
            return [(f"{name}.mean", "GlobalAveragePool", [], {}), (name, "Flatten", [], {"axis": 1})]
        case Gather():
            arrays[f"{name}.index"] = layer.index.astype(np.int64)
            return [(name, "Gather", [f"{name}.index"], {"axis": 1})]
    operator, attributes = OPERATORS[type(layer)]
    return [(name, operator, parameters, attributes | _attributes(layer))]


def _scaled(step: Step, layer: Normalize | ScaleShift, arrays: dict[str, np.ndarray]) -> list[_Operator]:
    """Return the two operators, whose constants are (C, 1, 1) for maps and (D,) for vectors."""
    name, broadcast = step.name, (-1, *[1] * (len(step.shape) - 1))
    if isinstance(layer, Normalize):
        constants = {f"{name}.mean": layer.mean, f"{name}.deviation": layer.deviation}
        operators, between = ("Sub", "Div"), f"{name}.difference"
    else:
        constants = {f"{name}.scale": layer.scale, f"{name}.shift": layer.shift}
        operators, between = ("Mul", "Add"), f"{name}.scaled"
    arrays |= {key: to_host(array).astype(np.float32).reshape(broadcast) for key, array in constants.items()}
    first, second = constants
    return [(between, operators[0], [first], {}), (name, operators[1], [second], {})]


def _attributes(layer: Layer) -> dict[str, Any]:
    """Return the attributes that are among the layer's settings."""
    match layer:
        case Conv2d():
            return _windows(layer.kernel, layer.stride, layer.padding)
        case MaxPool2d():
            return _windows((layer.kernel, layer.kernel), layer.stride, layer.padding)
        case AvgPool2d():
            return _windows((layer.kernel, layer.kernel), layer.kernel, 0)
        case BatchNorm2d():
            return {"epsilon": layer.eps}
    return {}


def _windows(kernel: tuple[int, int], stride: int, padding: int) -> dict[str, Any]:
    return {"kernel_shape": list(kernel), "strides": [stride, stride], "pads": [padding] * 4}
