"""A training step by several processes, one to a core, on weights that all of them share.

Threads of one interpreter wait for each other between NumPy's calls, some thirty times a training step. Processes don't. The
program forks itself into `ranks` processes. Each has a copy of everything, but the solvers' arrays, the batch and the shards'
gradients lie in memory that they share. A step has two phases; no rank begins the second before all have finished the first:

    gradients   rank r: the gradients of its shards of the batch, and what the solver prepares        the network is only read
    update      rank r: its blocks: the sum of the shards' gradients, then the solver's update        each block has one writer

What a solver can only do with a whole layer, rank 0 does after the second phase. Every number comes from the same arithmetic in
the same order as in Shards.step: the bytes are the same.

    solver = shareable(solver, shards=2, threads=2)                     # its arrays in shared memory, before the fork
    with training_shards(2, 2, [solver], batch_size=100) as shards:
        shards.step(solver, settings, images, labels)
"""

import json
import mmap
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from minisgl.backend import Array
from minisgl.errors import MinisglError
from minisgl.nn import Block, Workspace
from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import StepSettings
from minisgl.training.shards import Shards, shard_gradient, split, thread_pool

if TYPE_CHECKING:  # a system that cannot fork need not have it
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

PATIENCE = 0.002  # seconds of polling before a process sleeps: to wake a core that sleeps takes a tenth of a millisecond
ERRORS = {error.__name__: error for error in (MinisglError, MemoryError)}  # what a user can do something about

AnySolver = TypeVar("AnySolver", bound=Solver)


def shared(array: np.ndarray) -> np.ndarray:
    """A copy in memory that stays one and the same for processes forked later."""
    memory = mmap.mmap(-1, max(array.nbytes, 1))
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
    """How many processes take a step: 1 where the system does not fork well, or the arrays are not NumPy's.

    (On macOS the system's own libraries do not survive a fork.)
    """
    forks = sys.platform == "linux" and isinstance(solver.network.flat, np.ndarray)
    return min(shards, threads) if forks else 1


def shareable(solver: AnySolver, shards: int, threads: int) -> AnySolver:
    """The solver as `training_shards` needs it: moved to shared memory where processes will take the step, else as it is."""
    return solver.moved(shared) if _count_ranks(solver, shards, threads) > 1 else solver


class SharedStep:
    """The shared arrays, and what each rank does in the two phases of a step; batches have at most batch_size images."""

    def __init__(self, solvers: Sequence[Solver], shards: int, ranks: int, batch_size: int) -> None:
        self.solvers, self.shards, self.ranks = solvers, shards, ranks
        network = solvers[0].network
        self.images = shared(np.zeros((batch_size, *network.input_shape), network.flat.dtype))
        self.labels = shared(np.zeros(batch_size, int))
        self.losses, self.wrongs = shared(np.zeros(shards, network.flat.dtype)), shared(np.zeros(shards, int))
        self._gradients = [shared(network.flat) for _ in range(shards)]
        self._workspaces = [Workspace() for _ in range(shards)]

    def run(self, rank: int, phase: str, solver: int, N: int, settings: list[Any]) -> None:
        """What rank 0 <= rank < ranks does in the phase "gradients" or "update" of the step of solvers[solver]."""
        if phase == "gradients":
            self._compute_gradients(rank, self.solvers[solver], N)
        else:
            self._update(rank, self.solvers[solver], N, StepSettings(*settings))

    def _compute_gradients(self, rank: int, solver: Solver, N: int) -> None:
        for i, part in list(enumerate(split(N, self.shards)))[rank :: self.ranks]:
            images, labels, ws = self.images[part], self.labels[part], self._workspaces[i]
            self.losses[i], self.wrongs[i] = shard_gradient(
                solver.network, images, labels, batch_size=N, workspace=ws, out=self._gradients[i]
            )
        solver.prepare(rank, self.ranks)

    def _update(self, rank: int, solver: Solver, N: int, settings: StepSettings) -> None:
        total, *others = self._gradients[: len(split(N, self.shards))]

        def summed() -> Iterator[Block]:
            """The rank's blocks. A block's gradients are added up just before it is updated, while they are in cache."""
            for block in solver.blocks[rank :: self.ranks]:
                for other in others:
                    total[block.part] += other[block.part]
                yield block

        solver.update(summed(), total, settings)


def _receive(connection: "Connection") -> Any:
    """The next message. EOFError when there will be none."""
    patience = time.perf_counter() + PATIENCE
    while not connection.poll() and time.perf_counter() < patience:
        pass
    return json.loads(connection.recv_bytes())


def _serve(shared_step: SharedStep, rank: int, messages: "Connection", others: "list[Connection]") -> None:
    """What a forked process does: its part of each phase, message by message, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; rank 0 decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in others:
        connection.close()  # held open, they would hide from another rank that rank 0 has gone
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow shows in the loss
        while True:
            try:
                message = _receive(messages)
            except EOFError:
                return
            try:
                shared_step.run(rank, *message)
                answer = None
            except Exception as error:  # raised again by rank 0
                known = type(error).__name__ in ERRORS
                answer = [type(error).__name__, str(error) if known else traceback.format_exc()]
            messages.send_bytes(json.dumps(answer).encode())


class ProcessShards(Shards):
    """Shards whose training step is taken by several processes; `error` and `predict`, once an epoch, are left to threads."""

    def __init__(self, threads: int, pool: Any, shared_step: SharedStep) -> None:
        import multiprocessing  # noqa: PLC0415 (see above)

        super().__init__(shared_step.shards, threads, pool)
        self._shared = shared_step
        self._others: list[tuple[BaseProcess, Connection]] = []
        fork = multiprocessing.get_context("fork")
        for rank in range(1, shared_step.ranks):
            mine, theirs = fork.Pipe()
            others = [mine, *(connection for _, connection in self._others)]
            process = fork.Process(target=_serve, args=(shared_step, rank, theirs, others), daemon=True)
            with warnings.catch_warnings():
                # Python warns of any fork beside threads; ours have not begun, and OpenBLAS stops its own for a fork
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            theirs.close()
            self._others.append((process, mine))

    def _run(self, phase: str, *arguments: Any) -> None:
        """Run a phase on all ranks, rank 0 in this process, and wait for all."""
        message = json.dumps([phase, *arguments]).encode()
        try:
            for _, connection in self._others:
                connection.send_bytes(message)
            self._shared.run(0, phase, *arguments)
            answers = [_receive(connection) for _, connection in self._others]
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            raise MinisglError(self._death()) from error
        for answer in answers:
            if answer is not None:
                raise ERRORS.get(answer[0], RuntimeError)(answer[1])

    def _death(self) -> str:
        for process, _ in self._others:
            process.join(timeout=1)
            if process.exitcode is not None:
                how = f"was killed by signal {-process.exitcode}" if process.exitcode < 0 else f"ended with {process.exitcode}"
                return f"a process that did its part of every step {how}; if memory ran out, --threads 1 needs less"
        return "a process that did its part of every step no longer answers"

    def step(self, solver: Solver, settings: StepSettings, images: Array, labels: Array) -> tuple[Array, Array]:
        """The solver's step on one batch, by all ranks; its mean loss and number of wrong answers."""
        shared_step, N = self._shared, len(labels)
        number = next((i for i, known in enumerate(shared_step.solvers) if known is solver), None)
        if number is None:
            raise ValueError("these processes were forked with other solvers")
        shared_step.images[:N], shared_step.labels[:N] = images, labels
        for phase in ("gradients", "update"):
            self._run(phase, number, N, settings)
        solver.finish(settings)
        used = len(split(N, shared_step.shards))
        losses, wrongs = shared_step.losses[:used], shared_step.wrongs[:used]
        return sum(losses[1:], losses[0]), sum(wrongs[1:], wrongs[0])

    def close(self) -> None:
        """End the processes."""
        for _, connection in self._others:
            connection.close()
        for process, _ in self._others:
            process.join(timeout=5)
            process.kill()  # nothing is lost: what counts is in shared memory
            process.join()


@contextmanager
def training_shards(shards: int, threads: int, solvers: Sequence[Solver], batch_size: int) -> Iterator[Shards]:
    """Shards for training with these solvers: as many processes as threads where the system forks well, else threads.

    With processes the solvers' arrays must lie in shared memory (`shareable`); ValueError where they do not.
    """
    ranks = _count_ranks(solvers[0], shards, threads)
    if ranks > 1 and not all(is_shared(array) for solver in solvers for array in solver.arrays().values()):
        raise ValueError("the solver's arrays are not in shared memory: call shareable(solver, shards, threads) first")
    with thread_pool(threads) as pool:
        if ranks == 1:
            yield Shards(shards, threads, pool)
            return
        run = ProcessShards(threads, pool, SharedStep(solvers, shards, ranks, batch_size))
        try:
            yield run
        finally:
            run.close()
