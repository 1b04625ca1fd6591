"""One flat vector holds every parameter: all weights first, then what is trained freely, then buffers.

    flat = [ conv1.weight | conv2.weight | fc1.weight | ... | conv1.bias | conv2.bias | fc1.bias | ... | buffers ]

    weight    penalised, counted among the zeros, pruned       the weight of a convolution or a linear layer
    free      trained, never penalised                         a bias; the scale and shift of a normalisation
    buffer    no optimiser touches it                          running statistics

What treats all parameters alike (the optimiser, the coupling beta (W - V), a checkpoint) is then one pass over one vector.
What treats them by layer takes named views, which share the vector's memory. V, the thresholded copy of the weights, is a
vector of the first n_weights numbers only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import numpy as np

from minisgl.backend import Array, row_blocks
from minisgl.nn.initializers import he_normal, small_normal

Kind = Literal["weight", "free", "buffer"]


@dataclass(frozen=True)
class Parameter:
    """What a layer declares of one of its arrays.

    key: the layer's attribute that holds it, and the end of its full name. unit_axis: the axis that numbers the units (output
    channels, input neurons), which a group penalty takes as groups. initial(shape, rng) draws it, in float64.
    """

    key: str  # "weight"
    shape: tuple[int, ...]
    kind: Kind
    initial: Callable[[tuple[int, ...], np.random.Generator], np.ndarray]
    unit_axis: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.key} is a parameter of the kind {self.kind!r}; kinds are {', '.join(get_args(Kind))}")
        object.__setattr__(self, "shape", tuple(map(int, self.shape)))


def weight_and_bias(shape: tuple[int, ...], unit_axis: int) -> tuple[Parameter, ...]:
    """A weight of that shape, outputs first, drawn as He and others do, and a bias, N(0, 0.01^2)."""
    return (
        Parameter("weight", shape, "weight", he_normal, unit_axis),
        Parameter("bias", shape[:1], "free", small_normal),
    )


@dataclass(frozen=True)
class Slot:
    """Where one parameter lies in the flat vector: flat[start:stop].reshape(shape)."""

    name: str  # "conv1.weight"
    shape: tuple[int, ...]
    start: int
    stop: int
    kind: Kind
    unit_axis: int = 0

    def view(self, flat: Array) -> Array:
        """The parameter itself, sharing memory with `flat` (which is contiguous)."""
        return flat[self.start : self.stop].reshape(self.shape)

    def blocks(self, size: int) -> list["Block"]:
        """The parameter in blocks of whole rows, about `size` numbers each."""
        return [Block(self, rows) for rows in row_blocks(self.shape[0], prod(self.shape), size)]


@dataclass(frozen=True)
class Block:
    """Some rows of a parameter: what one core works on at a time."""

    slot: Slot
    rows: slice

    @property
    def part(self) -> slice:
        """Where the rows lie in the flat vector."""
        row = prod(self.slot.shape[1:])
        return slice(self.slot.start + self.rows.start * row, self.slot.start + self.rows.stop * row)

    def view(self, flat: Array) -> Array:
        """The rows themselves, sharing memory with `flat`."""
        return self.slot.view(flat)[self.rows]


class Layout:
    """The order of the parameters in a flat vector: kind by kind, and within a kind as the network's walk meets them.

    `slots` are all of them in walk order, which is the order of PyTorch's state_dict; `weights` those of kind weight, by the
    name without ".weight"; `layout["conv1.bias"]` is one of them. The first `n_weights` numbers are weights, the first
    `n_trained` are trained, and there are `size` in all. ValueError when two have the same name.
    """

    def __init__(self, parameters: Iterable[tuple[str, Parameter]]) -> None:
        """From pairs of a layer's full name and one of its parameters, in walk order."""
        declared = [(f"{layer}.{parameter.key}", parameter) for layer, parameter in parameters]
        ends, end = {}, 0
        by_name: dict[str, Slot] = {}
        for kind in get_args(Kind):
            for name, parameter in declared:
                if parameter.kind == kind:
                    start, end = end, end + prod(parameter.shape)
                    by_name[name] = Slot(name, parameter.shape, start, end, kind, parameter.unit_axis)
            ends[kind] = end
        if len(by_name) < len(declared):
            raise ValueError(f"of {len(declared)} parameters only {len(by_name)} have a name of their own")
        self.slots = tuple(by_name[name] for name, _ in declared)
        self.weights = {slot.name.removesuffix(".weight"): slot for slot in self.slots if slot.kind == "weight"}
        self.n_weights, self.n_trained, self.size = ends["weight"], ends["free"], ends["buffer"]
        self._by_name = by_name

    def __getitem__(self, name: str) -> Slot:
        return self._by_name[name]

    @property
    def free(self) -> Slot:
        """All that is trained freely as one slot: a row for each number."""
        return Slot("free", (self.n_trained - self.n_weights,), self.n_weights, self.n_trained, "free")
