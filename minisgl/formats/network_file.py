"""A network in a self-describing file, the format of model.safetensors and compact.safetensors.

The arrays have the names and shapes of PyTorch's state_dict (conv1.weight, conv1.bias, ...). The one metadata entry is JSON
with sorted keys; it lists the layers in order, each with the settings that its class is built from:

    {"format": 2, "input_shape": [1, 28, 28], "layers": [
        {"name": "conv1", "kind": "Conv2d", "settings": {"in_channels": 1, "out_channels": 20, "kernel": [5, 5], ...}},
        {"name": "relu1", "kind": "ReLU", "settings": {}},
        {"name": "stage1", "kind": "Sequential", "layers": [...]}, ...], "checksum": "..."}

A composite layer has its children's entries under "layers"; its class, or its class method `from_children`, takes them as its
first argument. A file is checked before any array is loaded: the layers are built from their settings alone, and they determine
which arrays must be there. If a layer's class is not minisgl's, the file has the name of the class, and the caller of `read`
passes the class itself: nothing is imported because a file names it.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.backend import to_host
from minisgl.errors import MinisglError
from minisgl.formats import files
from minisgl.nn import (
    AvgPool2d,
    BatchNorm2d,
    Binary,
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
    Residual,
    ScaleShift,
    Sequential,
)

FORMAT = 2  # files of minisgl 0.1 have no such entry
_LAYERS: tuple[type[Layer], ...] = (
    *(AvgPool2d, BatchNorm2d, Binary, Conv2d, Dropout, Flatten, Gather, GlobalAvgPool2d, Linear, MaxPool2d),
    *(Normalize, ReLU, Residual, ScaleShift, Sequential),
)
LAYERS: dict[str, type[Layer]] = {cls.__name__: cls for cls in _LAYERS}
MAX_DEPTH = 50  # levels of nested layers


def custom_layers(network: Network) -> tuple[type[Layer], ...]:
    """Return the classes of the network's layers that are not minisgl's own: the argument `layers` of `read`."""
    found: dict[str, type[Layer]] = {}

    def collect(layer: Layer) -> None:
        if type(layer) is not LAYERS.get(type(layer).__name__):
            found[type(layer).__name__] = type(layer)
        for child in layer.children.values():
            collect(child)

    collect(network.root)
    return tuple(found.values())


def _describe(name: str, layer: Layer) -> dict[str, Any]:
    """Return a layer's entry in the list."""
    entry: dict[str, Any] = {"name": name, "kind": type(layer).__name__}
    if layer.children or type(layer) in (Residual, Sequential):
        entry["layers"] = [_describe(key, child) for key, child in layer.children.items()]
    return entry | {"settings": layer.settings()}


def _build(entry: Mapping[str, Any], known: Mapping[str, type[Layer]], depth: int = 0) -> Layer:
    """Return the layer of an entry; KeyError, TypeError or ValueError if the entry is wrong."""
    if depth > MAX_DEPTH:
        raise ValueError(f"layers are nested more than {MAX_DEPTH} deep")
    if entry["kind"] not in known:
        raise MinisglError(f"a layer is a {entry['kind']}, which minisgl does not have: load it with layers=[{entry['kind']}]")
    children = ({child["name"]: _build(child, known, depth + 1) for child in entry["layers"]},) if "layers" in entry else ()
    cls = known[entry["kind"]]
    layer: Layer = getattr(cls, "from_children", cls)(*children, **entry["settings"])
    return layer


def as_bytes(network: Network) -> bytes:
    """Return the file's content. TypeError if a layer's settings are not JSON values."""
    flat = to_host(network.flat)
    layers = [_describe(name, layer) for name, layer in network.layers.items()]
    notes = {"format": FORMAT, "input_shape": list(network.input_shape), "layers": layers}
    return files.as_safetensors({slot.name: slot.view(flat) for slot in network.layout.slots}, notes)


def require_describable(network: Network) -> None:
    """Raise MinisglError, which names the layer, if a file of this network could not be read. Call it before training."""
    for name, layer in network.walk():
        if type(layer) in (Residual, Sequential):  # an empty one
            continue
        try:
            rebuilt = type(layer)(**json.loads(json.dumps(layer.settings(), allow_nan=False)))
            before, after = ([(p.key, p.shape, p.kind) for p in each.parameters] for each in (layer, rebuilt))
        except Exception as error:  # raised by a user's own class
            raise MinisglError(f"{name} is a {type(layer).__name__}, and its settings() do not rebuild it: {error}") from error
        if after != before:
            raise MinisglError(f"{name} is a {type(layer).__name__}, and its settings() rebuild it with other parameters")
    known = LAYERS | {cls.__name__: cls for cls in custom_layers(network)}
    for name, layer in network.layers.items():
        try:
            _build(_describe(name, layer), known)
        except Exception as error:  # raised by a user's own class
            raise MinisglError(f"{name} is a {type(layer).__name__}, and its layers do not rebuild it: {error}") from error


def write(path: Path, network: Network) -> None:
    """Write the network. MinisglError if the file cannot be written."""
    files.write(path, as_bytes(network))


def read(path: Path, layers: Iterable[type[Layer]] = ()) -> Network:
    """Return the network in a file. `layers`: the user's own classes that the file may name; they take precedence.

    MinisglError if the file is missing or damaged, if minisgl 0.1 or another program wrote it, or if its layers do not fit
    its arrays or each other.
    """
    notes = files.read_notes(path)
    if "format" not in notes and "layers" in notes:
        raise MinisglError(f"{path} is a compact network of minisgl 0.1: python -m minisgl.compress RUN writes a new file")
    if "layers" not in notes:
        raise MinisglError(
            f"{path} does not describe its network; if it is from a run of minisgl 0.1, load the run's directory"
        )
    if notes.get("format") != FORMAT:
        raise MinisglError(f"{path} has the format {notes.get('format')!r}, but this version of minisgl reads {FORMAT}")
    known = LAYERS | {cls.__name__: cls for cls in layers}
    try:
        tree = {entry["name"]: _build(entry, known) for entry in notes["layers"]}
        input_shape = _shape(notes["input_shape"])
        layout = Network.plan(tree)
    except MinisglError as error:
        raise MinisglError(f"{path}: {error}") from error
    except Exception as error:  # may be raised by a user's own class
        raise MinisglError(f"{path} does not hold a network: {type(error).__name__}: {error}") from error
    arrays, _ = files.read_arrays(path, {slot.name: slot.shape for slot in layout.slots})
    dtype = np.float64 if any(array.dtype == np.float64 for array in arrays.values()) else np.float32
    flat = np.empty(layout.size, dtype)
    for slot in layout.slots:
        slot.view(flat)[...] = arrays[slot.name]
    try:
        return Network(tree, input_shape, flat)
    except (TypeError, ValueError) as error:
        raise MinisglError(f"{path} does not hold a network: {type(error).__name__}: {error}") from error


def read_parameters(path: Path, network: Network) -> Network:
    """Return a copy of `network` with the parameters of a safetensors file in PyTorch's layout, from any program.

    MinisglError if the file is missing or damaged, or if its tensors have other names or shapes or contain NaN.
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


def _shape(numbers: list[Any]) -> tuple[int, ...]:
    """Return the shape as a tuple; ValueError unless it consists of whole numbers >= 1."""
    if not numbers or not all(type(n) is int and n >= 1 for n in numbers):
        raise ValueError(f"a shape must consist of whole numbers >= 1, but is {numbers}")
    return tuple(numbers)
