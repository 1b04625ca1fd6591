"""The cost of a network: weights, units, arithmetic, bytes and milliseconds.

A layer with K output maps of size P x Q (1 x 1 for a linear layer) computes

    P Q * (number of its weights)  multiply-adds        P Q K  bias additions, if it has a bias

FLOPs (flops.py) are counted in two ways: as multiply-adds plus bias additions, as in the published tables, and as 2 x
multiply-adds, one multiplication and one addition each. Multiplications by zero weights count: this is the arithmetic that is
actually done, apart from pooling and ReLU. (sparsity.count counts it without the dead units.)

Milliseconds are those of one processor core.

Bytes are counted in three ways. Dense: the parameters as they are saved. Packed: one bit for each weight that says whether it
is zero, and the nonzero weights, biases and indices in 4 bytes each. gzip: the dense file, compressed by a general-purpose
program.
"""

import gzip
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from minisgl.analysis.flops import layer_flops
from minisgl.backend import Array
from minisgl.nn import Conv2d, Gather, Linear, Network, Workspace, steps


@dataclass(frozen=True)
class Footprint:
    """A network's costs. `units` are the outputs of convolutions and the inputs of linear layers, in layer order."""

    weights: int
    nonzero_weights: int
    units: tuple[int, ...]
    multiply_adds: int
    bias_additions: int
    bytes_dense: int
    bytes_packed: int
    bytes_gzip: int

    @property
    def flops(self) -> int:
        """Multiply-adds plus bias additions."""
        return self.multiply_adds + self.bias_additions

    @property
    def flops_twice(self) -> int:
        """2 x multiply-adds."""
        return 2 * self.multiply_adds


def measure(network: Network, file: bytes) -> Footprint:
    """Return the costs of a network saved as `file`.

    MinisglError, which names the layer, if the network is not a tree of Sequential and Residual or a layer's FLOPs are unknown.
    """
    weights = network.weights
    nonzero = int(np.count_nonzero(weights))
    multiply_adds = bias_additions = indices = 0
    for step in steps(network):
        layer = step.layer
        outputs, inputs = layer.weight_shape[:2] if isinstance(layer, Conv2d | Linear) else (0, 0)
        flops = layer_flops(step.name, layer, step.shape, inputs, outputs)
        multiply_adds += flops.multiply_adds
        bias_additions += flops.bias_additions
        if isinstance(layer, Gather):
            indices += layer.index.size
    mask = -(-weights.size // 8)
    others = network.flat.size - weights.size + indices
    return Footprint(
        weights=weights.size,
        nonzero_weights=nonzero,
        units=tuple(slot.shape[slot.unit_axis] for slot in network.layout.weights.values()),
        multiply_adds=multiply_adds,
        bias_additions=bias_additions,
        bytes_dense=len(file),
        bytes_packed=mask + 4 * (nonzero + others),
        bytes_gzip=len(gzip.compress(file, mtime=0)),
    )


def milliseconds(networks: Sequence[Network], images: Array, rounds: int) -> list[float]:
    """Return the median processor time of a pass over the images, in batches of 100 on one thread, for each network.

    It is processor time, not wall-clock time: on a machine that others use, a process may wait longer than it computes. The
    networks alternate, so that caches and clock rates affect them equally. The first pass of each is not counted.
    """
    workspaces = [Workspace() for _ in networks]
    taken: list[list[float]] = [[] for _ in networks]
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(rounds + 1):
            for network, workspace, times in zip(networks, workspaces, taken, strict=True):
                began = time.thread_time()
                network.logits(images, workspace)
                times.append(1000 * (time.thread_time() - began))
    return [median(times[1:]) for times in taken]
