"""compact.safetensors: a network of any sizes in a file that says by itself how it is to be put together.

The arrays are named and laid out as PyTorch does (conv1.weight, conv1.bias, ...), float32; gather.index, int32, tells which
entries of the flattened maps fc1 reads. The metadata hold a list of the layers, in order:

    {"input_shape": [1, 28, 28], "layers": [
        {"name": "conv1", "kind": "Conv2d", "weight": [7, 1, 5, 5], "stride": 1, "padding": 0, "winograd": false},
        {"name": "pool1", "kind": "MaxPool2d", "kernel": 2, "stride": 2, "padding": 0},
        {"name": "relu1", "kind": "ReLU"}, ..., {"name": "flatten", "kind": "Flatten"},
        {"name": "gather", "kind": "Gather", "index": [76]},
        {"name": "fc1", "kind": "Linear", "weight": [16, 76]}, ...]}

Shapes stand in the list too, so that a file is judged before anything of its size is made. `winograd` is not part of what a
layer computes, only of how: see nn/winograd.py.
"""

from pathlib import Path
from typing import Any

import numpy as np

from minisgl.backend import to_host
from minisgl.errors import MinisglError
from minisgl.formats import files
from minisgl.nn import Conv2d, Flatten, Gather, Layer, Linear, MaxPool2d, ReLU, Sequential, WinogradConv2d

WITHOUT_SIZES: dict[str, type[Layer]] = {"ReLU": ReLU, "Flatten": Flatten}


def _told(name: str, layer: Layer) -> dict[str, Any]:
    """A layer's entry in the list."""
    match layer:
        case Conv2d():
            shape = {"weight": list(layer.weight_shape), "stride": layer.stride, "padding": layer.padding}
            return {"name": name, "kind": "Conv2d", **shape, "winograd": isinstance(layer, WinogradConv2d)}
        case MaxPool2d():
            return {"name": name, "kind": "MaxPool2d"} | {key: getattr(layer, key) for key in ("kernel", "stride", "padding")}
        case Gather():
            return {"name": name, "kind": "Gather", "index": list(layer.index.shape)}
        case Linear():
            return {"name": name, "kind": "Linear", "weight": list(layer.weight_shape)}
        case ReLU() | Flatten():
            return {"name": name, "kind": type(layer).__name__}
    raise TypeError(f"a {type(layer).__name__} cannot be written to a compact file")


def _built(told: dict[str, Any], arrays: dict[str, np.ndarray]) -> Layer:
    """The layer of an entry; KeyError, TypeError or ValueError when it is none."""
    match told["kind"]:
        case "Conv2d":
            K, C, *kernel = told["weight"]
            if told["winograd"] and told["stride"] == 1:
                return WinogradConv2d(C, K, tuple(kernel), told["padding"])
            return Conv2d(C, K, tuple(kernel), told["stride"], told["padding"])
        case "MaxPool2d":
            return MaxPool2d(told["kernel"], told["stride"], told["padding"])
        case "Gather":
            return Gather(arrays[f"{told['name']}.index"])
        case "Linear":
            return Linear(*reversed(told["weight"]))
    return WITHOUT_SIZES[told["kind"]]()


def as_bytes(network: Sequential) -> bytes:
    """The file's content, float32."""
    flat = to_host(network.flat).astype(np.float32)
    arrays = {slot.name: slot.view(flat) for slot in network.layout.slots}
    for name, layer in network.layers.items():
        if isinstance(layer, Gather):
            arrays[f"{name}.index"] = layer.index.astype(np.int32)
    layers = [_told(name, layer) for name, layer in network.layers.items()]
    return files.as_safetensors(arrays, {"input_shape": list(network.input_shape), "layers": layers})


def read(path: Path) -> Sequential:
    """The network in a compact.safetensors, float32.

    Raises MinisglError when the file is missing or damaged, or its layers do not fit its arrays or each other.
    """
    notes = files.read_notes(path)
    try:
        expected: dict[str, tuple[int, ...]] = {}
        for told in notes["layers"]:
            name = told["name"]
            if any(type(value) is float for value in told.values()):
                raise ValueError(f"the sizes of {name} are no whole numbers: {told}")
            if told["kind"] in ("Conv2d", "Linear"):
                expected |= {f"{name}.weight": _whole(told["weight"]), f"{name}.bias": _whole(told["weight"][:1])}
            elif told["kind"] == "Gather":
                expected[f"{name}.index"] = _whole(told["index"])
        arrays, _ = files.read_arrays(path, expected, types=("F32", "I32"))
        layers = {told["name"]: _built(told, arrays) for told in notes["layers"]}
        layout = Sequential.plan(layers)
        flat = np.empty(layout.size, np.float32)
        for slot in layout.slots:
            slot.view(flat)[...] = arrays[slot.name]
        return Sequential(layers, _whole(notes["input_shape"]), flat)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MinisglError(f"{path} holds no network: {type(error).__name__}: {error}") from error


def _whole(numbers: list[Any]) -> tuple[int, ...]:
    """A shape; ValueError unless it is made of whole numbers >= 1."""
    if not numbers or not all(type(n) is int and n >= 1 for n in numbers):
        raise ValueError(f"a shape is made of whole numbers >= 1, and not {numbers}")
    return tuple(numbers)


def write_model(path: Path, network: Sequential) -> None:
    """Write model.safetensors: names, shapes and order of numbers as in a PyTorch state_dict, float32."""
    flat = to_host(network.flat)
    arrays = {slot.name: slot.view(flat) for slot in network.layout.slots}
    files.write_arrays(path, arrays, {})


def read_model(path: Path, network: Sequential) -> Sequential:
    """A network like `network` with the parameters of a model.safetensors.

    Raises MinisglError when the file is missing or damaged, or its tensors have other names, shapes, or NaN in them.
    """
    expected = {slot.name: slot.shape for slot in network.layout.slots}
    arrays, _ = files.read_arrays(path, expected)
    flat = network.flat.copy()
    with np.errstate(over="ignore"):
        for slot in network.layout.slots:
            slot.view(flat)[...] = arrays[slot.name]
    if not np.isfinite(flat).all():
        raise MinisglError(
            f"{path} has numbers of up to {max(abs(a).max() for a in arrays.values()):.1e}, too large for float32"
        )
    return network.with_flat(flat)
