"""A smaller network with the same logits: every unit that does not affect them is removed.

    1. fold        batch normalisation that follows a convolution becomes part of it; dropout is removed (folding.py)
    2. follow      which units affect a logit, which are constant, and what constants add to a bias (liveness.py)
    3. keep        which units stay: those, and what the sums of residual blocks keep together with them (kept.py)
    4. rebuild     the same layers with fewer units, and without the residual blocks that have become simpler

In a chain exactly the needed units are kept, and one pass is enough. Constant units read no varying unit, so removing them does
not change `needed`. Needed units still read the same varying units, so removing the others does not change `varies`. After
Flatten only some positions of a channel may remain; a Gather layer selects them. If the network already has a Gather, the zeros
are followed through it in both directions, and it then selects what remains.

A residual block y = body(h) + shortcut(h), h = before(x), becomes shortcut(before(x)) if no needed unit of its body varies. If
the shortcut is the identity, the whole block disappears. If the body's constants are not 0, a layer "shift" adds them to what
is left. If the same holds for the shortcut, the block becomes body(before(x)). The layer after such a block may then come
directly after a convolution, so all four steps are repeated until nothing changes.

The logits are the same sums without the zeros, so they are equal up to rounding. All logits are kept, even constant ones. If a
layer would have no unit left, one placeholder unit is kept, with zero weights to and from it.
"""

from collections.abc import Mapping

import numpy as np

from minisgl.analysis.folding import fold, taken_in, with_bias
from minisgl.analysis.kept import Kept
from minisgl.analysis.liveness import follow
from minisgl.analysis.rebuild import key_of, rebuild, with_arrays
from minisgl.errors import MinisglError
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
    Residual,
    ScaleShift,
    Sequential,
    Step,
    steps,
)
from minisgl.nn.following import followers

GATHER = "gather"  # the layer after Flatten that selects the remaining part of its output
SHIFT = "shift"  # the layer that adds the constants of a branch that is gone
CHANNELWISE = (AvgPool2d, Dropout, GlobalAvgPool2d, MaxPool2d, ReLU)  # they do not change a constant, apart from ReLU
KNOWN = (*CHANNELWISE, BatchNorm2d, Conv2d, Flatten, Gather, Linear, Normalize, ScaleShift)


def compact(network: Network) -> Network:
    """Return a new network on the host without the units that do not affect the logits. Layers keep their names.

    network: a tree of Sequential and Residual with the layers of KNOWN; MinisglError, which names the layer, for any other
    type. A layer named "gather" is added after Flatten if it is needed, and a layer "shift" in the place of a constant branch.
    """
    for step in steps(network):
        if type(step.layer) not in KNOWN and not step.is_sum:  # a subclass may compute something else
            raise MinisglError(f"{step.name} is a {type(step.layer).__name__}: compact does not know how zeros pass through it")
    while True:
        network = fold(network)
        smaller = _Smaller(network)
        network = smaller.network()
        if not (smaller.gone or taken_in(network)):
            return network


class _Smaller:
    """One pass: the arrays of the smaller network by full name, and what takes the place of each layer and block."""

    def __init__(self, network: Network) -> None:
        order = steps(network)
        self.whole, self.found = network, follow(network, order)
        self.kept, self.followers = Kept(order, self.found), followers(network)
        self.steps = {step.name: step for step in order}
        self.names = {name[:end] for name in self.steps for end in range(1, len(name) + 1) if name[end : end + 1] in ("", ".")}
        self.arrays: dict[str, np.ndarray] = {}
        self.given: dict[str, np.ndarray] = {}  # positions that a Gather gets from the Flatten before it
        self.gone: list[str] = []  # blocks that have lost a branch

    def network(self) -> Network:
        """Return the smaller network."""
        return with_arrays(rebuild(self.whole, self._change), self.whole, self.arrays)

    def _change(self, name: str, layer: Layer) -> Mapping[str, Layer]:
        step = self.steps[name]
        match layer:
            case Residual():
                return self._block(step, layer)
            case Conv2d() | Linear():
                return {key_of(name): self._mixing(step, layer)}
            case ScaleShift() | Normalize():
                return {key_of(name): self._scale(step, layer)}
            case Flatten():
                return self._flatten(step, layer)
            case Gather():
                return self._gather(step, layer)
        return {key_of(name): layer}

    def _mixing(self, step: Step, layer: Conv2d | Linear) -> Layer:
        """Return a convolution or a linear layer of the remaining size, and note its arrays."""
        before, after, found = self.kept[step.reads[0]], self.kept[step.name], self.found
        needed = found.needed[step.name]
        weight, bias = layer.weight.copy(), found.biases[step.name]
        weight[:, ~found.inputs[step.name]] = 0  # from a placeholder, or from a unit that others need
        weight[~needed] = 0  # to a unit that only stays because of a sum
        self.arrays[f"{step.name}.weight"] = weight[after][:, before]
        if isinstance(layer, Linear):
            self.arrays[f"{step.name}.bias"] = bias[after]
            return Linear(len(before), len(after))
        if not layer.has_bias:
            bias = np.where(needed | ~found.varies[step.name], bias, 0)
        if not layer.has_bias and bias[after].any():
            layer = with_bias(layer)
        self.arrays[f"{step.name}.bias"] = bias[after]
        return Conv2d(**{**layer.settings(), "in_channels": len(before), "out_channels": len(after)})

    def _scale(self, step: Step, layer: ScaleShift | Normalize) -> Layer:
        """Return the remaining scales and shifts, and note their arrays. What is constant no longer depends on the input."""
        after, varies = self.kept[step.name], self.found.varies[step.reads[0]]
        if isinstance(layer, Normalize):
            return Normalize(layer.mean[after], layer.deviation[after])
        self.arrays[f"{step.name}.scale"] = np.where(varies, layer.scale, 0)[after]
        self.arrays[f"{step.name}.shift"] = np.where(varies, layer.shift, self.found.values[step.name])[after]
        return ScaleShift(len(after))

    def _flatten(self, step: Step, layer: Flatten) -> Mapping[str, Layer]:
        """Return Flatten, and the Gather that selects what stays of its output, unless the network's own Gather does."""
        channels = self.kept[step.reads[0]]
        units = np.arange(step.shape[0]).reshape(len(self.found.varies[step.reads[0]]), -1)[channels].ravel()
        following = self.steps.get(self.followers.get(step.name, ""))
        if following is not None and isinstance(following.layer, Gather):
            self.given[step.name] = units
            return {key_of(step.name): layer}
        added = _gather(units, units[:1] if self.kept.is_placeholder(step.name) else self.kept[step.name])
        return {key_of(step.name): layer} | ({} if added is None else {key_of(self._free(step.name, GATHER)): added})

    def _gather(self, step: Step, layer: Gather) -> Mapping[str, Layer]:
        """Return the Gather that selects what stays of its output, or nothing if that is all that it gets."""
        units = self.given.get(step.reads[0], self.kept[step.reads[0]])
        wanted = units[:1] if self.kept.is_placeholder(step.name) else layer.index[self.kept[step.name]]
        left = _gather(units, wanted)
        return {} if left is None else {key_of(step.name): left}

    def _block(self, step: Step, block: Residual) -> Mapping[str, Layer]:
        """Return the block, or what is left of it if none of the needed units of one branch varies."""
        name, found = step.name, self.found
        for end, other in zip(step.reads, ("shortcut", "body"), strict=True):
            if not (found.needed[name] & found.varies[end]).any():
                self.gone.append(name)
                left = {**block.part("before").children, **block.part(other).children}
                constants = np.where(found.varies[end], 0, found.values[end])[self.kept[name]]
                if constants.any() and not self.kept.is_placeholder(name):
                    shift = self._free(f"{name}.{SHIFT}", SHIFT)
                    left[key_of(shift)] = ScaleShift(len(constants))
                    self.arrays |= {f"{shift}.scale": np.ones(len(constants)), f"{shift}.shift": constants}
                return {key_of(name): Sequential(left)} if left else {}
        return {key_of(name): block}

    def _free(self, beside: str, key: str) -> str:
        """Take and return an unused full name with this key, or a longer one, beside another layer."""
        name = f"{beside.rpartition('.')[0]}.{key}".lstrip(".")
        while name in self.names:
            name += "_"
        self.names.add(name)
        return name


def _gather(units: np.ndarray, wanted: np.ndarray) -> Gather | None:
    """Return the layer that selects `wanted` from `units`, both unit numbers; None if they are the same."""
    return None if np.array_equal(units, wanted) else Gather(np.searchsorted(units, wanted).astype(np.int32))
