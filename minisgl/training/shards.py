"""The gradient of a batch, computed in shards: parts of the batch that are processed in parallel.

A batch of N images is split into `shards` ranges of consecutive images. Each shard has its own workspace and flat gradient,
scaled by the size of the whole batch. The shards' gradients are summed in shard order:

    gradient = sum over shards of grad[ (1/N) * sum over the shard's images of the loss ]

The shards are computed by threads, or by processes (processes.py), whose number affects only the time. The sums, and so the
bytes, depend only on the number of shards.

Each shard has its own statistics of batch normalisation. They are returned in the gradient, in the place of the buffers,
multiplied by the shard's share of the batch. So their sum is the average that the running means move towards.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from threading import Event
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minisgl.backend import Array, get_array_module
from minisgl.errors import MinisglWarning
from minisgl.nn import Network, Workspace, softmax_cross_entropy, statistics
from minisgl.nn.loss import wrong_answers
from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import StepSettings


def split(size: int, shards: int) -> list[slice]:
    """Split `size` images into at most `shards` ranges of consecutive images, none of them empty."""
    edges = [size * i // shards for i in range(shards + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def shard_gradient(
    network: Network,
    images: Array,
    labels: Array,
    rng: np.random.Generator | None,
    *,
    batch_size: int,
    workspace: Workspace,
    out: Array,
    smoothing: float = 0.0,
) -> tuple[Array, Array]:
    """Return a shard's part of the batch's mean loss and its number of wrong answers. Its gradient goes to out (size,)."""
    logits, tape = network.forward(images, training=True, rng=rng, workspace=workspace)
    loss, dlogits = softmax_cross_entropy(logits, labels, batch_size=batch_size, smoothing=smoothing, workspace=workspace)
    wrong = wrong_answers(logits, labels, workspace)
    network.backward(dlogits, tape, out)
    out[network.layout.n_trained :] *= len(labels) / batch_size
    return loss, wrong


def shard_rng(network: Network, key: Sequence[int], shard: int) -> np.random.Generator | None:
    """Return the generator of a shard in a step, key = (seed, epoch, step); None if no layer needs it, since it takes time."""
    return np.random.default_rng((*key, shard)) if network.random else None


class Shards:
    """Passes over a network in `shards` parts on `threads` threads, or on one if there is no pool. `running_shards` makes one.

    smoothing: the label smoothing of the training loss.
    """

    def __init__(self, shards: int, threads: int, pool: ThreadPoolExecutor | None, *, smoothing: float = 0.0) -> None:
        self.smoothing = smoothing
        self._workspaces = [Workspace() for _ in range(shards)]
        self._threads, self._pool = threads if pool else 1, pool

    def _map(self, function: Callable[[int], Any], count: int) -> list[Any]:
        """Return function(0), ..., function(count - 1). Thread k (this one is 0) computes k, k + threads, k + 2 threads, ..."""
        results = [None] * count

        def run(thread: int) -> None:
            # an overflow shows in the loss, which is checked; np.errstate applies only to the current thread
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

    def gradient(self, network: Network, images: Array, labels: Array, key: Sequence[int] = (0,)) -> tuple[Array, Array, Array]:
        """Return the mean loss, the number of wrong answers and the gradient (size,) for images (N, C, H, W), labels (N,).

        The first two are scalars on the images' device. The gradient is valid until the next call. key: see shard_rng.
        """
        N = len(labels)
        parts = split(N, len(self._workspaces))
        gradients = [ws.array(self, "gradient", network.flat.shape, network.flat) for ws in self._workspaces]

        def run(i: int) -> tuple[Array, Array]:
            part, ws = parts[i], self._workspaces[i]
            return shard_gradient(
                network,
                images[part],
                labels[part],
                shard_rng(network, key, i),
                batch_size=N,
                workspace=ws,
                out=gradients[i],
                smoothing=self.smoothing,
            )

        losses, wrongs = zip(*self._map(run, len(parts)), strict=True)
        for other in gradients[1 : len(parts)]:
            gradients[0][...] += other
        return sum(losses[1:], losses[0]), sum(wrongs[1:], wrongs[0]), gradients[0]

    def step(
        self, solver: Solver, settings: StepSettings, images: Array, labels: Array, key: Sequence[int] = (0,)
    ) -> tuple[Array, Array]:
        """Take the solver's step on one batch. Return its mean loss and number of wrong answers, on the device.

        key: the seed, the epoch and the step, for layers that draw random numbers.
        """
        loss, wrong, gradient = self.gradient(solver.network, images, labels, key)
        solver.prepare()
        solver.update(solver.blocks, gradient, settings)
        solver.network.update_buffers(gradient)
        solver.finish(settings)
        return loss, wrong

    def predict(self, network: Network, images: Array) -> Array:
        """Return the most likely class (N,) of each image (N, C, H, W)."""
        N = len(images)
        workspaces = [Workspace() for _ in self._workspaces]  # temporary, since this network may be used only once
        predicted = get_array_module(images).empty(N, dtype=int)
        parts = split(N, len(self._workspaces))

        def run(i: int) -> None:
            predicted[parts[i]] = network.predict(images[parts[i]], workspaces[i])

        self._map(run, len(parts))
        return predicted

    def estimate_statistics(self, network: Network, images: Array) -> None:
        """Set the network's running statistics to those of its own weights on images (N, C, H, W): see nn/statistics.py."""
        parts = split(len(images), len(self._workspaces))
        sums = self._map(lambda i: statistics.summed(network, images[parts[i]]), len(parts))
        total = {name: sum((each[name] for each in sums[1:]), value) for name, value in sums[0].items()}
        statistics.assign(network, total, len(images))

    def error(self, network: Network, images: Array, labels: Array) -> float:
        """Return the percentage of images (N, C, H, W) whose most likely class is not their label (N,)."""
        return 100.0 * (self.predict(network, images) != labels).mean().item()


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor | None]:
    """Yield a pool of threads - 1 threads, None for no threads.

    If the system cannot start more threads, the pool is None, and a MinisglWarning says so.
    """
    pool = _started(threads - 1) if threads > 1 else None
    try:
        yield pool
    finally:
        if pool is not None:
            pool.shutdown()


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS uses one thread, also in processes forked there."""
    return threadpool_limits(limits=1, user_api="blas")


def _started(threads: int) -> ThreadPoolExecutor | None:
    """Return a pool whose threads have all started: each is given a task that ends when the last one has begun."""
    pool, begun = ThreadPoolExecutor(threads), Event()
    try:
        for _ in range(threads):
            pool.submit(begun.wait)
    except RuntimeError as error:
        begun.set()
        pool.shutdown()
        warnings.warn(f"a thread cannot be started ({error}); the work goes on in one thread", MinisglWarning, stacklevel=2)
        return None
    begun.set()
    return pool


@contextmanager
def running_shards(shards: int, threads: int, *, smoothing: float = 0.0) -> Iterator[Shards]:
    """Yield Shards on `threads` threads, with one BLAS thread each."""
    with one_blas_thread(), thread_pool(threads) as pool:
        yield Shards(shards, threads, pool, smoothing=smoothing)
