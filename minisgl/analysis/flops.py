"""FLOPs: the multiply-adds and the bias additions of a layer with so many inputs and outputs.

    convolution   P * Q * C * R * S * K  multiply-adds,  P * Q * K  bias additions         C inputs, K outputs
    linear        D_in * D_out           multiply-adds,  D_out      bias additions         D_in inputs, D_out outputs

A total of both is what the published tables count (Tang, Adhikari, Lin, arXiv 1811.03060, table 1). Pooling, ReLU and what only
moves numbers count nothing. Only inputs and outputs that are alive may be counted, or all of them: the caller says how many.
"""

from math import prod
from typing import NamedTuple

from minisgl.errors import MinisglError
from minisgl.nn import Conv2d, Layer, Linear


class Flops(NamedTuple):
    """The arithmetic for one image."""

    multiply_adds: int
    bias_additions: int

    @property
    def total(self) -> int:
        """Multiply-adds plus bias additions."""
        return self.multiply_adds + self.bias_additions


def layer_flops(name: str, layer: Layer, output_shape: tuple[int, ...], inputs: int, outputs: int) -> Flops:
    """The FLOPs of a layer with an output (K, P, Q) or (D_out,), of whose units so many inputs and outputs count.

    MinisglError, which names it, for a layer with parameters whose arithmetic is not known here.
    """
    # not a subclass of them, whose arithmetic may be another
    if type(layer) is Conv2d:
        positions = prod(output_shape[1:])
        return Flops(positions * inputs * prod(layer.kernel) * outputs, positions * outputs)
    if type(layer) is Linear:
        return Flops(inputs * outputs, outputs)
    if layer.parameters:
        raise MinisglError(f"{name} is a {type(layer).__name__}, whose FLOPs are not known")
    return Flops(0, 0)
