"""One flat vector holds every parameter: all weights first, then all biases.

    flat = [ conv1.weight | conv2.weight | fc1.weight | fc2.weight | conv1.bias | conv2.bias | fc1.bias | fc2.bias ]

What treats all parameters alike (the optimiser, the coupling beta (W - V), a checkpoint) is then one pass over one vector.
What treats them by layer takes named views, which share the vector's memory. V, the thresholded copy of the weights, is a
vector of the first n_weights numbers only: biases are never regularised.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from minisgl.backend import Array


@dataclass(frozen=True)
class Slot:
    """Where one parameter lies in the flat vector: flat[start:stop].reshape(shape)."""

    name: str  # "conv1.weight"
    shape: tuple[int, ...]
    start: int
    stop: int

    def view(self, flat: Array) -> Array:
        """The parameter itself, sharing memory with `flat` (which is contiguous)."""
        return flat[self.start : self.stop].reshape(self.shape)

    def cut(self, size: int) -> list["Piece"]:
        """The parameter in pieces of whole rows, about `size` numbers each."""
        row = prod(self.shape[1:])
        each = max(size // row, 1)
        return [Piece(self, slice(i, min(i + each, self.shape[0]))) for i in range(0, self.shape[0], each)]


@dataclass(frozen=True)
class Piece:
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
    """The order of the parameters in a flat vector.

    `weights` and `biases` are the slots by layer name; `n_weights` and `size` count numbers.
    """

    def __init__(self, weight_shapes: Mapping[str, tuple[int, ...]], bias_shapes: Mapping[str, tuple[int, ...]]) -> None:
        end = 0
        self.weights: dict[str, Slot] = {}
        self.biases: dict[str, Slot] = {}
        for slots, shapes, kind in ((self.weights, weight_shapes, "weight"), (self.biases, bias_shapes, "bias")):
            for layer, shape in shapes.items():
                slots[layer] = Slot(f"{layer}.{kind}", shape, end, end + prod(shape))
                end += prod(shape)
            if kind == "weight":
                self.n_weights = end
        self.size = end

    @property
    def slots(self) -> list[Slot]:
        """Every slot, layer by layer, each weight before its bias: the order of PyTorch's state_dict."""
        return [slot for layer in self.weights for slot in (self.weights[layer], self.biases[layer])]
