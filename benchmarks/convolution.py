"""The time of a 3 x 3 convolution by each algorithm, for the sizes of residual networks: `python -m benchmarks.convolution`

One core, 64 images, float32, stride 1, padding 1. The algorithms take turns, and the figures are medians in milliseconds: of
forward, and of backward with the gradients of the weights and of the input. The last column is the time that forward's
multiplications in Winograd's form would take at the machine's rate for large matrices.
"""

import statistics
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import gemm_gflops, in_turn
from minisgl.nn import Conv2d, Workspace, winograd, winograd_strips
from minisgl.nn.conv import Algorithm
from minisgl.nn.layer import gradients

SIZES = ((16, 32, 32), (32, 32, 32), (32, 32, 16), (64, 64, 16), (64, 128, 8), (128, 128, 8), (128, 128, 4))  # C, K, H = W
IMAGES, ROUNDS = 64, 15
ALGORITHMS = ("im2col", "whole batch", "strips")


class Passes:
    """One layer and its input for all algorithms; each keeps its own cache and workspace."""

    def __init__(self, C: int, K: int, H: int) -> None:
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((C, H, H, IMAGES), dtype=np.float32)
        self.dy = rng.standard_normal((K, H, H, IMAGES), dtype=np.float32)
        self.layers = {name: Conv2d(C, K, 3, padding=1, bias=False, algorithm=_option(name)) for name in ALGORITHMS}
        weight = rng.standard_normal((K, C, 3, 3), dtype=np.float32)
        for layer in self.layers.values():
            layer.weight = weight
        self.spaces = {name: Workspace() for name in ALGORITHMS}
        self.caches: dict[str, Any] = {}

    def forward(self, name: str) -> None:
        """Compute the output."""
        layer, ws = self.layers[name], self.spaces[name]
        if name == "im2col":
            _, self.caches[name] = layer.forward(self.x, ws)
        else:
            _, self.caches[name] = _module(name).forward(layer, self.x, self.dy.shape[1:3], ws)

    def backward(self, name: str) -> None:
        """Compute both gradients, with the cache of the last forward pass."""
        layer, cache = self.layers[name], self.caches[name]
        if name == "im2col":
            layer.backward(self.dy, cache)
        else:
            _module(name).backward(layer, self.dy, cache, gradients(layer, None), True)

    def in_turn(self) -> dict[str, list[float]]:
        """Return the seconds of all passes, by "algorithm direction"."""
        runs = {f"{name} {d.__name__}": partial(d, name) for name in ALGORITHMS for d in (self.forward, self.backward)}
        for run in runs.values():  # each backward needs a forward before it, whatever the order of the turns
            run()
        return in_turn(runs, ROUNDS)


def _option(name: str) -> Algorithm:
    return "im2col" if name == "im2col" else "winograd"


def _module(name: str) -> ModuleType:
    return winograd if name == "whole batch" else winograd_strips


def main() -> None:
    """Print a table in Markdown."""
    with threadpool_limits(limits=1, user_api="blas"):
        gflops = gemm_gflops()
        print("| channels | map | im2col | Winograd, whole batch | by strips | ideal forward |\n|---|---|---|---|---|---|")
        for C, K, H in SIZES:
            ms = {name: 1e3 * statistics.median(taken) for name, taken in Passes(C, K, H).in_turn().items()}
            cells = " | ".join(f"{ms[f'{name} forward']:.1f} / {ms[f'{name} backward']:.1f}" for name in ALGORITHMS)
            ideal = 1e3 * 2e-9 * 36 * C * K * (H // 4) ** 2 * IMAGES / gflops
            print(f"| {C} to {K} | {H} x {H} | {cells} | {ideal:.1f} |", flush=True)


if __name__ == "__main__":
    main()
