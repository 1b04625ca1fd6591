"""A training step in several processes, one per core, with the weights in shared memory.

Threads of one interpreter wait for each other between calls of NumPy, about thirty times per training step. Processes do not.
The program forks into `ranks` processes. Each has a copy of everything except the solvers' arrays, the batch and the shards'
gradients, which are in shared memory. A step has two phases; no rank begins the second before all have finished the first:

    gradients   rank r: the gradients of its shards of the batch, and what the solver prepares        the network is only read
    update      rank r: its blocks: the sum of the shards' gradients, then the solver's update        each block has one writer

After the second phase, rank 0 does what needs a whole layer. The arithmetic and its order are the same as in Shards.step, so
the bytes are the same.

    solver = shareable(solver, shards=2, threads=2)                     # its arrays in shared memory, before the fork
    with training_shards(2, 2, [solver], batch_size=100) as shards:
        shards.step(solver, settings, images, labels)
"""

import mmap
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from minisgl.backend import Array
from minisgl.data.labelled import write_floats
from minisgl.errors import MinisglWarning
from minisgl.nn import Block, Workspace
from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import StepSettings
from minisgl.training.forks import Processes
from minisgl.training.shards import Shards, one_blas_thread, shard_gradient, shard_rng, split, thread_pool

AnySolver = TypeVar("AnySolver", bound=Solver)


def shared(array: np.ndarray) -> np.ndarray:
    """Return a copy in memory that is shared with processes forked later. MemoryError if there is not enough."""
    try:
        memory = mmap.mmap(-1, max(array.nbytes, 1))
    except OSError as error:
        raise MemoryError(str(error)) from error
    copy = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
    copy[...] = array
    return copy


def is_shared(array: np.ndarray) -> bool:
    """Whether the array, or what it is a view of, was made by `shared`."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


def _count_ranks(solver: Solver, shards: int, threads: int) -> int:
    """Return how many processes take a step: 1 if the system cannot fork safely, or if the arrays are not NumPy's.

    (On macOS the system's own libraries do not work after a fork.)
    """
    forks = sys.platform == "linux" and isinstance(solver.network.flat, np.ndarray)
    return min(shards, threads) if forks else 1


def shareable(solver: AnySolver, shards: int, threads: int) -> AnySolver:
    """Return the solver as `training_shards` needs it: moved to shared memory if processes take the step, else unchanged."""
    return solver.moved(shared) if _count_ranks(solver, shards, threads) > 1 else solver


class SharedStep:
    """The shared arrays, and the work of each rank in the two phases of a step. Batches have at most batch_size images."""

    def __init__(self, solvers: Sequence[Solver], shards: int, ranks: int, batch_size: int, *, smoothing: float = 0.0) -> None:
        self.solvers, self.shards, self.ranks, self.smoothing = solvers, shards, ranks, smoothing
        network = solvers[0].network
        self.images = shared(np.zeros((batch_size, *network.input_shape), network.flat.dtype))
        self.labels = shared(np.zeros(batch_size, int))
        self.losses, self.wrongs = shared(np.zeros(shards, network.flat.dtype)), shared(np.zeros(shards, int))
        self._gradients = [shared(network.flat) for _ in range(shards)]
        self._workspaces = [Workspace() for _ in range(shards)]

    def run(self, rank: int, phase: str, solver: int, N: int, values: list[Any]) -> None:
        """Do the work of rank 0 <= rank < ranks in a phase of the step of solvers[solver] on N images.

        values: in the phase "gradients" the step's key (see shard_rng), in "update" its settings.
        """
        if phase == "gradients":
            self._compute_gradients(rank, self.solvers[solver], N, values)
        else:
            self._update(rank, self.solvers[solver], N, StepSettings(*values))

    def _compute_gradients(self, rank: int, solver: Solver, N: int, key: list[int]) -> None:
        for i, part in list(enumerate(split(N, self.shards)))[rank :: self.ranks]:
            images, labels, ws = self.images[part], self.labels[part], self._workspaces[i]
            self.losses[i], self.wrongs[i] = shard_gradient(
                solver.network,
                images,
                labels,
                shard_rng(solver.network, key, i),
                batch_size=N,
                workspace=ws,
                out=self._gradients[i],
                smoothing=self.smoothing,
            )
        solver.prepare(rank, self.ranks)

    def _update(self, rank: int, solver: Solver, N: int, settings: StepSettings) -> None:
        total, *others = self._gradients[: len(split(N, self.shards))]

        def summed() -> Iterator[Block]:
            """Yield the rank's blocks. A block's gradients are summed just before its update, so that they are in cache."""
            for block in solver.blocks[rank :: self.ranks]:
                for other in others:
                    total[block.part] += other[block.part]
                yield block

        solver.update(summed(), total, settings)
        if rank == 0:
            buffers = slice(solver.network.layout.n_trained, None)
            for other in others:
                total[buffers] += other[buffers]
            solver.network.update_buffers(total)


class ProcessShards(Shards):
    """Shards whose training step is taken by several processes. `error` and `predict`, called once per epoch, use threads."""

    def __init__(self, threads: int, pool: Any, shared_step: SharedStep, processes: Processes) -> None:
        super().__init__(shared_step.shards, threads, pool, smoothing=shared_step.smoothing)
        self._shared, self._processes = shared_step, processes

    def step(
        self, solver: Solver, settings: StepSettings, images: Array, labels: Array, key: Sequence[int] = (0,)
    ) -> tuple[Array, Array]:
        """Take the solver's step on one batch, on all ranks. Return its mean loss and number of wrong answers."""
        shared_step, N = self._shared, len(labels)
        number = next((i for i, known in enumerate(shared_step.solvers) if known is solver), None)
        if number is None:
            raise ValueError("these processes were forked with other solvers")
        write_floats(images, out=shared_step.images[:N])
        shared_step.labels[:N] = labels
        self._processes.run("gradients", number, N, key)
        self._processes.run("update", number, N, settings)
        solver.finish(settings)
        used = len(split(N, shared_step.shards))
        losses, wrongs = shared_step.losses[:used], shared_step.wrongs[:used]
        return sum(losses[1:], losses[0]), sum(wrongs[1:], wrongs[0])


@contextmanager
def training_shards(
    shards: int, threads: int, solvers: Sequence[Solver], batch_size: int, *, smoothing: float = 0.0
) -> Iterator[Shards]:
    """Yield Shards for training with these solvers: with up to `threads` processes if the system can fork, else with threads.

    If the system cannot start more processes, a MinisglWarning says so, and this process continues alone. For processes the
    solvers' arrays must be in shared memory (`shareable`); ValueError if they are not.
    """
    ranks = _count_ranks(solvers[0], shards, threads)
    if ranks > 1 and not all(is_shared(array) for solver in solvers for array in solver.arrays().values()):
        raise ValueError("the solver's arrays are not in shared memory: call shareable(solver, shards, threads) first")
    with one_blas_thread():
        shared_step = SharedStep(solvers, shards, ranks, batch_size, smoothing=smoothing) if ranks > 1 else None
        processes = _started(shared_step) if shared_step else None
        try:
            with thread_pool(threads) as pool:  # after the forks, which are safe only without threads
                if shared_step and processes:
                    yield ProcessShards(threads, pool, shared_step, processes)
                else:
                    yield Shards(shards, threads, pool, smoothing=smoothing)
        finally:
            if processes:
                processes.close()


def _started(shared_step: SharedStep) -> Processes | None:
    try:
        return Processes(shared_step.ranks, shared_step.run)
    except OSError as error:  # a limit on processes or open files
        why = f"a training process cannot be started ({error.strerror}); the run goes on in one process"
        warnings.warn(why, MinisglWarning, stacklevel=2)
        return None
