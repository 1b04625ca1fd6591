"""A network for evaluation only: each batch normalisation that follows a convolution directly becomes part of it.

In evaluation batch normalisation is a scale and a shift of each channel, y = s z + t. If z = w * x + b and nothing else reads
z,

    y = w' * x + b',      w' = s w,      b' = s b + t,      s = gamma / sqrt(running variance + eps),  t = beta - s running mean

for each output channel. So the convolution gets these numbers, and a bias if it had none. That is exact up to rounding, also
with padding, since the scale comes after the sum. A batch normalisation that follows anything else, such as the sum of a
residual block, stays as a scale and a shift. One that follows a scale and shift, or a linear layer, becomes part of that in the
same way. Dropout does nothing in evaluation, and is removed.

The new numbers are computed in float64. Source: Jacob et al., CVPR 2018, section 3.2.
"""

from collections.abc import Mapping

import numpy as np

from minisgl.analysis.rebuild import key_of, rebuild, with_arrays
from minisgl.backend import to_host
from minisgl.nn import BatchNorm2d, Conv2d, Dropout, Layer, Linear, Network, ScaleShift
from minisgl.nn.following import followers

SCALES = (BatchNorm2d, ScaleShift)


def fold(network: Network) -> Network:
    """Return a new network on the host with the same logits in evaluation: see above. What stays keeps its full name.

    MinisglError, which names the layer, for a composite layer that is neither a Sequential nor a Residual.
    """
    arrays = {slot.name: slot.view(to_host(network.flat)) for slot in network.layout.slots}
    kept = rebuild(network, lambda name, layer: {} if type(layer) is Dropout else {key_of(name): layer})
    network = with_arrays(kept, network, arrays)
    into, folded = taken_in(network), dict(arrays)
    for name, layer in network.walk():
        if isinstance(layer, BatchNorm2d | ScaleShift) and type(layer) in SCALES:
            scale, shift = _scale_and_shift(layer)
            if name in into:
                _multiply(folded, into[name], scale, shift)
            else:
                folded |= {f"{name}.scale": scale, f"{name}.shift": shift}
        elif name in into.values():
            weight, bias = (np.asarray(arrays.get(f"{name}.{key}", 0), np.float64) for key in ("weight", "bias"))
            folded |= {f"{name}.weight": weight, f"{name}.bias": bias}

    def change(name: str, layer: Layer) -> Mapping[str, Layer]:
        if name in into:
            return {}
        if type(layer) is BatchNorm2d:
            return {key_of(name): ScaleShift(layer.channels)}
        return {key_of(name): with_bias(layer) if type(layer) is Conv2d and name in into.values() else layer}

    return with_arrays(rebuild(network, change), network, folded)


def taken_in(network: Network) -> dict[str, str]:
    """Return which layer becomes part of which earlier one, by full names."""
    leaves = dict(network.walk())
    into: dict[str, str] = {}
    for before, name in followers(network).items():
        earlier = into.get(before, before)
        if type(leaves[name]) in SCALES and type(leaves[earlier]) in (Conv2d, Linear, *SCALES):
            into[name] = earlier
    return into


def with_bias(layer: Conv2d) -> Conv2d:
    """Return the same convolution with a bias, without parameters."""
    return Conv2d(**{**layer.settings(), "bias": True})


def _scale_and_shift(layer: BatchNorm2d | ScaleShift) -> tuple[np.ndarray, np.ndarray]:
    """Return s and t, both (C,) in float64."""
    if isinstance(layer, BatchNorm2d):
        return layer.scale_and_shift(np.float64)
    return layer.scale.astype(np.float64), layer.shift.astype(np.float64)


def _multiply(arrays: dict[str, np.ndarray], name: str, scale: np.ndarray, shift: np.ndarray) -> None:
    """Change the layer of this name so that its output is multiplied by the scale and the shift is added, both (C,)."""
    weight, bias = (f"{name}.scale", f"{name}.shift") if f"{name}.scale" in arrays else (f"{name}.weight", f"{name}.bias")
    outputs_first = (-1, *[1] * (arrays[weight].ndim - 1))
    arrays[weight] = scale.reshape(outputs_first) * arrays[weight]
    arrays[bias] = scale * arrays[bias] + shift
