"""One flat vector holds every parameter: first the weights, then the free parameters, then the buffers.

    flat = [ conv1.weight | conv2.weight | fc1.weight | ... | conv1.bias | conv2.bias | fc1.bias | ... | buffers ]

    weight    penalised, pruned, counted in the sparsity       the weight of a convolution or a linear layer
    free      trained, never penalised                         a bias; the scale and shift of a normalisation
    buffer    a running mean, never changed by an optimiser    batch normalisation's mean and variance

In a gradient, a buffer's place holds its statistic of this batch. A training step moves the buffer a tenth of the way there.

Code that treats all parameters alike (the optimiser, the coupling beta (W - V), a checkpoint) is then one pass over one
vector. Code that works by layer uses named views, which share the vector's memory. V, the thresholded copy of the weights,
has only the first n_weights numbers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import numpy as np

from minisgl.backend import Array, row_blocks
from minisgl.nn.initializers import he_normal, small_normal

Kind = Literal["weight", "free", "buffer"]
MOMENTUM = 0.1  # the part of the way that a step moves a buffer towards the batch's statistic, PyTorch's default


@dataclass(frozen=True)
class Parameter:
    """A layer's declaration of one of its arrays.

    key: the layer's attribute for the array, and the last part of its full name. unit_axis: the axis that numbers the units
    (output channels, input neurons), the groups of a group penalty. initial(shape, rng) draws the array, in float64.
    """

    key: str  # "weight"
    shape: tuple[int, ...]
    kind: Kind
    initial: Callable[[tuple[int, ...], np.random.Generator], np.ndarray]
    unit_axis: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"the kind of {self.key} must be one of {', '.join(get_args(Kind))}, but is {self.kind!r}")
        object.__setattr__(self, "shape", tuple(map(int, self.shape)))


def weight_and_bias(shape: tuple[int, ...], unit_axis: int, bias: bool = True) -> tuple[Parameter, ...]:
    """Declare a weight of that shape, outputs first, with He's initialisation, and a bias, N(0, 0.01^2), if wanted."""
    weight = Parameter("weight", shape, "weight", he_normal, unit_axis)
    return (weight, Parameter("bias", shape[:1], "free", small_normal)) if bias else (weight,)


@dataclass(frozen=True)
class Slot:
    """The place of one parameter in the flat vector: flat[start:stop].reshape(shape)."""

    name: str  # "conv1.weight"
    shape: tuple[int, ...]
    start: int
    stop: int
    kind: Kind
    unit_axis: int = 0

    def view(self, flat: Array) -> Array:
        """Return the parameter as a view of `flat`, which must be contiguous."""
        return flat[self.start : self.stop].reshape(self.shape)

    def blocks(self, size: int) -> list["Block"]:
        """Return the parameter in blocks of whole rows, about `size` numbers each."""
        return [Block(self, rows) for rows in row_blocks(self.shape[0], prod(self.shape), size)]


@dataclass(frozen=True)
class Block:
    """Some rows of a parameter, which one core works on at a time."""

    slot: Slot
    rows: slice

    @property
    def part(self) -> slice:
        """The place of the rows in the flat vector."""
        row = prod(self.slot.shape[1:])
        return slice(self.slot.start + self.rows.start * row, self.slot.start + self.rows.stop * row)

    def view(self, flat: Array) -> Array:
        """Return the rows as a view of `flat`."""
        return self.slot.view(flat)[self.rows]


class Layout:
    """The order of the parameters in a flat vector: kind by kind, and within a kind in walk order.

    `slots` are all parameters in walk order, the order of PyTorch's state_dict; `weights` are those of kind weight, by the
    name without ".weight"; `layout["conv1.bias"]` is one parameter. The first `n_weights` numbers are weights, the first
    `n_trained` are trained, and there are `size` in all. ValueError if two parameters have the same name.
    """

    def __init__(self, parameters: Iterable[tuple[str, Parameter]]) -> None:
        """`parameters`: pairs of a layer's full name and one of its parameters, in walk order."""
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
            raise ValueError(f"{len(declared)} parameters have only {len(by_name)} different names")
        self.slots = tuple(by_name[name] for name, _ in declared)
        self.weights = {slot.name.removesuffix(".weight"): slot for slot in self.slots if slot.kind == "weight"}
        self.n_weights, self.n_trained, self.size = ends["weight"], ends["free"], ends["buffer"]
        self._by_name = by_name

    def __getitem__(self, name: str) -> Slot:
        return self._by_name[name]

    @property
    def free(self) -> Slot:
        """All free parameters as one slot: a row for each number."""
        return Slot("free", (self.n_trained - self.n_weights,), self.n_weights, self.n_trained, "free")
