"""The gradient of a batch, computed in shards: parts of the batch that run side by side.

A batch of N images is split into `shards` runs of consecutive images. Each shard has a workspace and a flat gradient of its
own, scaled by the whole batch's size, and the shards' gradients are summed in shard order:

    gradient = sum over shards of grad[ (1/N) * sum over the shard's images of the loss ]

Threads only run the shards, or processes (processes.py). How many there are changes nothing but the time: the sums, and so
the bytes, depend on the number of shards alone.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minisgl.backend import Array, get_array_module
from minisgl.nn import Network, Workspace, softmax_cross_entropy
from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import StepSettings


def split(size: int, shards: int) -> list[slice]:
    """`size` images as at most `shards` runs of consecutive ones, none empty."""
    edges = [size * i // shards for i in range(shards + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def shard_gradient(
    network: Network, images: Array, labels: Array, *, batch_size: int, workspace: Workspace, out: Array
) -> tuple[Array, Array]:
    """A shard's part of the batch's mean loss, its number of wrong answers, and, in out (size,), its part of the gradient."""
    logits, tape = network.forward(images, training=True, workspace=workspace)
    loss, dlogits = softmax_cross_entropy(logits, labels, batch_size=batch_size)
    wrong = (logits.argmax(axis=1) != labels).sum()
    network.backward(dlogits, tape, out)
    return loss, wrong


class Shards:
    """Runs passes over one network in `shards` parts on `threads` threads; made by `running_shards`."""

    def __init__(self, shards: int, threads: int, pool: ThreadPoolExecutor | None) -> None:
        self._workspaces = [Workspace() for _ in range(shards)]
        self._threads, self._pool = threads, pool

    def _map(self, function: Callable[[int], Any], count: int) -> list[Any]:
        """function(0), ..., function(count - 1): thread k of this one and the pool's calls number k, k + threads, ..."""
        results = [None] * count

        def run(thread: int) -> None:
            # an overflow shows in the loss, and training stops with a sentence; NumPy's settings are each thread's own
            with np.errstate(over="ignore", invalid="ignore"):
                for i in range(thread, count, self._threads):
                    results[i] = function(i)

        others = [self._pool.submit(run, thread) for thread in range(1, min(self._threads, count))] if self._pool else []
        try:
            run(0)
        finally:
            wait(others)
        for other in others:
            other.result()
        return results

    def gradient(self, network: Network, images: Array, labels: Array) -> tuple[Array, Array, Array]:
        """Mean loss, number of wrong answers and the gradient (size,) for images (N, C, H, W), labels (N,).

        The first two are scalars where the images are: nothing is fetched. The gradient is valid until the next call.
        """
        N = len(labels)
        parts = split(N, len(self._workspaces))
        gradients = [ws.array(self, "gradient", network.flat.shape, network.flat) for ws in self._workspaces]

        def run(i: int) -> tuple[Array, Array]:
            part, ws = parts[i], self._workspaces[i]
            return shard_gradient(network, images[part], labels[part], batch_size=N, workspace=ws, out=gradients[i])

        losses, wrongs = zip(*self._map(run, len(parts)), strict=True)
        for other in gradients[1 : len(parts)]:
            gradients[0][...] += other
        return sum(losses[1:], losses[0]), sum(wrongs[1:], wrongs[0]), gradients[0]

    def step(self, solver: Solver, settings: StepSettings, images: Array, labels: Array) -> tuple[Array, Array]:
        """The solver's step on one batch; its mean loss and number of wrong answers, left where they were computed."""
        loss, wrong, gradient = self.gradient(solver.network, images, labels)
        solver.prepare()
        solver.update(solver.blocks, gradient, settings)
        solver.finish(settings)
        return loss, wrong

    def predict(self, network: Network, images: Array) -> Array:
        """The most likely class (N,) of each image (N, C, H, W)."""
        N = len(images)
        workspaces = [Workspace() for _ in self._workspaces]  # of their own: the network is looked at once, and goes
        predicted = get_array_module(images).empty(N, dtype=int)
        parts = split(N, len(self._workspaces))

        def run(i: int) -> None:
            predicted[parts[i]] = network.predict(images[parts[i]], workspaces[i])

        self._map(run, len(parts))
        return predicted

    def error(self, network: Network, images: Array, labels: Array) -> float:
        """Percent of the images (N, C, H, W) whose most likely class is not their label (N,)."""
        return 100.0 * (self.predict(network, images) != labels).mean().item()


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor | None]:
    """A pool of threads - 1 threads, None for none, with one BLAS thread each; BLAS gets its former limits back at the end."""
    with threadpool_limits(limits=1, user_api="blas"):
        if threads == 1:
            yield None
        else:
            with ThreadPoolExecutor(threads - 1) as pool:
                yield pool


@contextmanager
def running_shards(shards: int, threads: int) -> Iterator[Shards]:
    """Shards on `threads` threads with one BLAS thread each."""
    with thread_pool(threads) as pool:
        yield Shards(shards, threads, pool)
