"""FLOPs: the multiply-adds and the bias additions of a layer, from its numbers of inputs and outputs.

    convolution   P * Q * C * R * S * K  multiply-adds,  P * Q * K  bias additions         C inputs, K outputs
    linear        D_in * D_out           multiply-adds,  D_out      bias additions         D_in inputs, D_out outputs

The published tables of LeNet-5 count the total of both (Tang, Adhikari, Lin, arXiv 1811.03060, table 1), those of residual
networks the multiply-adds of the same layers. As in these tables batch normalisation, a scale and shift, the sums of residual
blocks, pooling, ReLU and layers that only move numbers count as 0. A convolution without a bias has no bias additions; folding
batch normalisation into it gives it one. The caller chooses whether all inputs and outputs count, or only those that are not
dead.
"""

from math import prod
from typing import NamedTuple

from minisgl.errors import MinisglError
from minisgl.nn import BatchNorm2d, Conv2d, Layer, Linear, ScaleShift


class Flops(NamedTuple):
    """The number of operations for one image."""

    multiply_adds: int
    bias_additions: int

    @property
    def total(self) -> int:
        """Multiply-adds plus bias additions."""
        return self.multiply_adds + self.bias_additions


def layer_flops(name: str, layer: Layer, output_shape: tuple[int, ...], inputs: int, outputs: int) -> Flops:
    """Return the FLOPs of a layer with this output shape, (K, P, Q) or (D_out,), counting these numbers of inputs and outputs.

    MinisglError, which names the layer, for any other layer with parameters.
    """
    # a subclass may compute something else
    if type(layer) is Conv2d:
        positions = prod(output_shape[1:])
        return Flops(positions * inputs * prod(layer.kernel) * outputs, positions * outputs if layer.has_bias else 0)
    if type(layer) is Linear:
        return Flops(inputs * outputs, outputs)
    if layer.parameters and type(layer) not in (BatchNorm2d, ScaleShift):
        raise MinisglError(f"{name} is a {type(layer).__name__}, whose FLOPs are not known")
    return Flops(0, 0)
