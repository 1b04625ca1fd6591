"""The gradient of a batch, computed in shards: pieces of the batch that run side by side.

A batch of N images is cut into `shards` runs of consecutive images. Each shard has a workspace and a flat gradient of its
own, scaled by the whole batch's size, and the shards' gradients are summed in shard order:

    gradient = sum over shards of grad[ (1/N) * sum over the shard's images of the loss ]

Threads only run the shards. How many there are changes nothing but the time: the sums, and so the bytes, depend on the
number of shards alone.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minisgl.backend import Array, get_array_module
from minisgl.nn import Sequential, Workspace, softmax_cross_entropy

EVALUATION_BATCH = 100  # images a pass when only the logits are wanted


class Shards:
    """Runs passes over one network in `shards` pieces on `threads` threads; made by `running_shards`."""

    def __init__(self, shards: int, threads: int, pool: ThreadPoolExecutor | None) -> None:
        self._workspaces = [Workspace() for _ in range(shards)]
        self._threads, self._pool = threads, pool

    def _map(self, function: Callable[[int], Any], count: int) -> list[Any]:
        """function(0), ..., function(count - 1), dealt like cards to this thread and to those of the pool."""
        results = [None] * count

        def play(hand: int) -> None:
            # an overflow shows in the loss, and training stops with a sentence; NumPy's settings are each thread's own
            with np.errstate(over="ignore", invalid="ignore"):
                for i in range(hand, count, self._threads):
                    results[i] = function(i)

        others = [self._pool.submit(play, hand) for hand in range(1, min(self._threads, count))] if self._pool else []
        try:
            play(0)
        finally:
            wait(others)
        for other in others:
            other.result()
        return results

    def _cut(self, size: int) -> list[slice]:
        """At most `shards` runs of consecutive images, none empty."""
        shards = len(self._workspaces)
        edges = [size * i // shards for i in range(shards + 1)]
        return [slice(a, b) for a, b in pairwise(edges) if b > a]

    def gradient(self, network: Sequential, images: Array, labels: Array) -> tuple[Array, Array, Array]:
        """Mean loss, number of wrong answers and the gradient (size,) for images (N, C, H, W), labels (N,).

        The first two are scalars where the images are: nothing is fetched. The gradient is valid until the next call.
        """
        N = len(labels)
        pieces = self._cut(N)

        def run(i: int) -> tuple[Array, Array, Array]:
            piece, ws = pieces[i], self._workspaces[i]
            logits, tape = network.forward(images[piece], ws)
            loss, dlogits = softmax_cross_entropy(logits, labels[piece], batch_size=N)
            wrong = (logits.argmax(axis=1) != labels[piece]).sum()
            out = ws.array(self, "gradient", network.flat.shape, network.flat)
            return loss, wrong, network.backward(dlogits, tape, out)[0]

        losses, wrongs, gradients = zip(*self._map(run, len(pieces)), strict=True)
        for other in gradients[1:]:
            gradients[0][...] += other
        return sum(losses[1:], losses[0]), sum(wrongs[1:], wrongs[0]), gradients[0]

    def predict(self, network: Sequential, images: Array) -> Array:
        """The most likely class (N,) of each image (N, C, H, W)."""
        N = len(images)
        workspaces = [Workspace() for _ in self._workspaces]  # of their own: the network is looked at once, and goes
        predicted = get_array_module(images).empty(N, dtype=int)
        pieces = self._cut(N)

        def run(i: int) -> None:
            for start in range(pieces[i].start, pieces[i].stop, EVALUATION_BATCH):
                batch = slice(start, min(start + EVALUATION_BATCH, pieces[i].stop))
                predicted[batch] = network.forward(images[batch], workspaces[i])[0].argmax(axis=1)

        self._map(run, len(pieces))
        return predicted

    def error(self, network: Sequential, images: Array, labels: Array) -> float:
        """Percent of the images (N, C, H, W) whose most likely class is not their label (N,)."""
        return 100.0 * (self.predict(network, images) != labels).mean().item()


@contextmanager
def running_shards(shards: int, threads: int) -> Iterator[Shards]:
    """Shards on `threads` threads with one BLAS thread each; BLAS gets its former limits back at the end."""
    with threadpool_limits(limits=1, user_api="blas"):
        if threads == 1:
            yield Shards(shards, 1, None)
        else:
            with ThreadPoolExecutor(threads - 1) as pool:
                yield Shards(shards, threads, pool)
