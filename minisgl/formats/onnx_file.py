"""The network as an ONNX file, which other programs run without minisgl.

Every layer becomes one standard operator, Normalize two, in the same order and with the same numbers. Images are (N, C, H, W),
vectors are (N, D), and N may be any number:

    Conv2d  Conv        MaxPool2d  MaxPool (its padding is never the maximum)       ReLU  Relu
    Flatten  Flatten    Gather     Gather along axis 1                              Linear  Gemm with B transposed: x @ weight^T
    Normalize  Sub, Div

The operators are those of opset 13 (2020), whose meaning has not changed since. Only this file imports onnx.
"""

from typing import Any

import numpy as np

from minisgl.backend import to_host
from minisgl.errors import MinisglError, require
from minisgl.nn import Conv2d, Flatten, Gather, Layer, Linear, MaxPool2d, Network, Normalize, ReLU

OPSET = 13
KNOWN = (Conv2d, Flatten, Gather, Linear, MaxPool2d, Normalize, ReLU)
IR_VERSION = 7  # the file format that came with opset 13

_Step = tuple[str, str, list[str], dict[str, Any]]  # a node's name, its operator, the names of its constants, its attributes


def require_onnx() -> Any:
    """Return the package onnx; MinisglError says how to install it if it is missing."""
    return require("onnx", "compress", "compact.onnx")


def to_onnx(network: Network) -> bytes:
    """Return the file: input "images" (N, C, H, W), output "logits" (N, classes), float32. MinisglError if onnx is missing."""
    onnx = require_onnx()
    from onnx import helper, numpy_helper  # noqa: PLC0415

    flat = to_host(network.flat).astype(np.float32)
    arrays = {slot.name: slot.view(flat) for slot in network.layout.slots}
    steps = [step for name, layer in network.chain() for step in _operators(name, layer, arrays)]
    nodes, value = [], "images"
    for i, (name, operator, inputs, attributes) in enumerate(steps, 1):
        output = "logits" if i == len(steps) else f"{name}.output"
        nodes.append(helper.make_node(operator, [value, *inputs], [output], name=name, **attributes))
        value = output
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


def _operators(name: str, layer: Layer, arrays: dict[str, np.ndarray]) -> list[_Step]:
    """Return the operators of a layer; constants that are among its settings are added to `arrays`."""
    if type(layer) not in KNOWN:  # nor a subclass, which may compute something else
        raise MinisglError(f"{name} is a {type(layer).__name__}: there is no ONNX operator for it")
    parameters = [f"{name}.weight", f"{name}.bias"]
    match layer:
        case Normalize():
            mean, deviation = f"{name}.mean", f"{name}.deviation"
            arrays[mean], arrays[deviation] = (a.astype(np.float32)[:, None, None] for a in (layer.mean, layer.deviation))
            return [(f"{name}.difference", "Sub", [mean], {}), (name, "Div", [deviation], {})]
        case Gather():
            arrays[f"{name}.index"] = layer.index.astype(np.int64)
            operator = "Gather", [f"{name}.index"], {"axis": 1}
        case Conv2d():
            operator = "Conv", parameters, _windows(layer.kernel, layer.stride, layer.padding)
        case MaxPool2d():
            operator = "MaxPool", [], _windows((layer.kernel, layer.kernel), layer.stride, layer.padding)
        case ReLU():
            operator = "Relu", [], {}
        case Flatten():
            operator = "Flatten", [], {"axis": 1}
        case Linear():
            operator = "Gemm", parameters, {"transB": 1}
        case _:
            raise AssertionError(f"{type(layer).__name__} is in KNOWN, but has no case here")
    return [(name, *operator)]


def _windows(kernel: tuple[int, int], stride: int, padding: int) -> dict[str, Any]:
    return {"kernel_shape": list(kernel), "strides": [stride, stride], "pads": [padding] * 4}
