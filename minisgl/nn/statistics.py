"""The running statistics of batch normalisation, estimated again from some images.

A running mean and variance belong to the weights that they were measured with. V has other weights than W, so W's statistics
are wrong for it. They are replaced by V's own, from one pass over images in batches b = 1, ..., B of n_b images each:

    running_mean = sum over b of n_b mean_b / n,      running_var = sum over b of n_b var_b / n,      n = n_1 + ... + n_B

As in a training step, every layer normalises a batch with this batch's statistics, and var_b is the unbiased estimate.
"""

from copy import copy
from typing import Any

import numpy as np

from minisgl.backend import Array
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.network import EVALUATION_BATCH, Network, map_leaves
from minisgl.nn.norm import BatchNorm2d
from minisgl.nn.workspace import Workspace

Sums = dict[str, Array]  # by the buffer's full name, "bn.running_mean": the batches' statistics times their numbers of images


class _Recorder(Layer):
    """A batch normalisation that normalises every batch as in training, and adds the batch's statistics to `sums`."""

    def __init__(self, name: str, layer: BatchNorm2d, sums: Sums) -> None:
        self.name, self.layer, self.sums = name, layer, sums

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.layer.output_shape(shape)

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        y, cache = self.layer.forward(x, workspace, training=True)
        for key, value in self.layer.statistics(cache).items():
            name = f"{self.name}.{key}"
            self.sums[name] = self.sums.get(name, 0) + x.shape[-1] * value
        return y, cache

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        return self.layer.backward(dy, cache, out, input_gradient)


def summed(network: Network, images: Array, workspace: Workspace | None = None) -> Sums:
    """Return the sums over images (N, C, H, W), 100 per batch; empty for a network without batch normalisation."""
    sums: Sums = {}
    ws, recording = workspace or Workspace(), copy(network)
    recording.root = map_leaves(
        network.root, lambda name, leaf: _Recorder(name, leaf, sums) if isinstance(leaf, BatchNorm2d) else leaf
    )
    for start in range(0, len(images), EVALUATION_BATCH):
        recording.forward(images[start : start + EVALUATION_BATCH], workspace=ws)
    return sums


def assign(network: Network, sums: Sums, images: int) -> None:
    """Set the network's running statistics to the sums over this many images, divided by their number."""
    for name, value in sums.items():
        network.layout[name].view(network.flat)[...] = value / images


def has_statistics(network: Network) -> bool:
    """Return whether the network has a batch normalisation."""
    return any(isinstance(leaf, BatchNorm2d) for _, leaf in network.walk())
