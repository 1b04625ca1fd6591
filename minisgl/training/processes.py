"""One processor core, one process: each does its part of both steps, on weights that all of them share.

Threads of one interpreter wait for each other between NumPy's calls, some thirty times a training step. Processes don't. The
program forks itself: `hands` processes in all, each with a copy of everything, but with W, V, the optimiser's vectors, the
batch and the shards' gradients in memory that they share. A step has two halves, and no one begins the second before all have
done the first:

    1  hand h:  the gradients of its shards of the batch, the group lasso's pulls on its groups   W and V are only read
    2  hand h:  its pieces of the vectors: adds up the shards' gradients, W-step, V-step     each piece has one writer

A prox that wants its layer whole is left to the first hand, after the second half. Every number comes from the same
arithmetic in the same order as in Shards.step: the bytes are the same.
"""

import json
import mmap
import multiprocessing
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from minisgl.backend import Array
from minisgl.errors import MinisglError
from minisgl.nn import Workspace
from minisgl.solver import refit
from minisgl.solver.schedules import Moment
from minisgl.solver.splitting import Splitting
from minisgl.training.shards import Shards, cut, shard_gradient, thread_pool

Play = Callable[..., None]  # play(hand, half, arguments)
PATIENCE = 0.002  # seconds of looking before a process sleeps: to wake a core that sleeps takes a tenth of a millisecond
ERRORS = {error.__name__: error for error in (MinisglError, MemoryError)}  # what a user can mend, told as it is


def shared(array: np.ndarray) -> np.ndarray:
    """A copy in memory that stays one and the same for processes forked later."""
    memory = mmap.mmap(-1, max(array.nbytes, 1))
    copy = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
    copy[...] = array
    return copy


class Halves:
    """The shared arrays, and what each hand does in the two halves of a step; batches have at most batch_size images."""

    def __init__(self, splitting: Splitting, shards: int, hands: int, batch_size: int) -> None:
        splitting.place(shared)
        self.splitting, self.shards, self.hands = splitting, shards, hands
        flat = splitting.network.flat
        self.images = shared(np.zeros((batch_size, *splitting.network.input_shape), flat.dtype))
        self.labels = shared(np.zeros(batch_size, int))
        self.losses, self.wrongs = shared(np.zeros(shards, flat.dtype)), shared(np.zeros(shards, int))
        self._gradients = [shared(flat) for _ in range(shards)]
        self._workspaces = [Workspace() for _ in range(shards)]
        self._pulls = {slot: shared(pull) for slot, pull in splitting.pulls().items()}
        # the V-step of a piece follows its W-step at once, while it is in cache; the others want a whole layer
        self._pieces = [(piece, piece in splitting.v_pieces) for piece in splitting.w_pieces]
        self.late = [piece for piece in splitting.v_pieces if piece not in splitting.w_pieces]

    def play(self, hand: int, half: str, arguments: list[Any]) -> None:
        """What hand 0 <= hand < hands does in the half "gradients" or "updates"."""
        if half == "gradients":
            self._gradients_of(hand, *arguments)
        else:
            self._updates_of(hand, *arguments)

    def _gradients_of(self, hand: int, N: int, refit: bool) -> None:
        for i, part in list(enumerate(cut(N, self.shards)))[hand :: self.hands]:
            images, labels, ws = self.images[part], self.labels[part], self._workspaces[i]
            self.losses[i], self.wrongs[i] = shard_gradient(
                self.splitting.network, images, labels, batch_size=N, workspace=ws, out=self._gradients[i]
            )
        for slot, pulls in () if refit else self._pulls.items():
            axis = int(np.argmax(pulls.shape))  # the one that numbers the groups
            groups = slice(pulls.shape[axis] * hand // self.hands, pulls.shape[axis] * (hand + 1) // self.hands)
            mine = (*[slice(None)] * axis, groups)
            pulls[mine] = self.splitting.groups[slot].pull(slot.view(self.splitting.network.flat)[mine])

    def _updates_of(self, hand: int, N: int, *settings: Any) -> None:
        splitting, moment = self.splitting, Moment(*settings)
        splitting.optimizer.advance()
        steps = {} if moment.refit else splitting.prox_steps(moment.beta, moment.thresholds)
        first, *others = self._gradients[: len(cut(N, self.shards))]
        for piece, of_v_too in self._pieces[hand :: self.hands]:
            for other in others:
                first[piece.part] += other[piece.part]
            if moment.refit:
                refit.update(splitting, piece, first, moment.lr)
                continue
            splitting.update_w(piece, first, moment.lr, moment.beta, self._pulls)
            if of_v_too:
                splitting.update_v(piece, steps)


def _receive(connection: Connection) -> Any:
    """The next message. EOFError when there will be none."""
    patience = time.perf_counter() + PATIENCE
    while not connection.poll() and time.perf_counter() < patience:
        pass
    return json.loads(connection.recv_bytes())


def _serve(halves: Halves, hand: int, orders: Connection, not_mine: list[Connection]) -> None:
    """What a forked process does: play its hand, order by order, until the orders end. It never outlives who gives them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of them; the first decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in not_mine:
        connection.close()  # held open, they would hide from a sister that the orders have ended
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow shows in the loss
        while True:
            try:
                half, arguments = _receive(orders)
            except EOFError:
                return
            try:
                halves.play(hand, half, arguments)
                answer = None
            except Exception as error:  # told by the first
                known = type(error).__name__ in ERRORS
                answer = [type(error).__name__, str(error) if known else traceback.format_exc()]
            orders.send_bytes(json.dumps(answer).encode())


class ProcessShards(Shards):
    """Shards whose training step is shared out; for one look at a network, `error` and `predict`, threads do."""

    def __init__(self, threads: int, pool: Any, halves: Halves) -> None:
        super().__init__(halves.shards, threads, pool)
        self._halves = halves
        self._others: list[tuple[BaseProcess, Connection]] = []
        fork = multiprocessing.get_context("fork")
        for hand in range(1, halves.hands):
            mine, theirs = fork.Pipe()
            not_mine = [mine, *(connection for _, connection in self._others)]
            process = fork.Process(target=_serve, args=(halves, hand, theirs, not_mine), daemon=True)
            with warnings.catch_warnings():
                # Python warns of any fork beside threads; ours have not begun, and OpenBLAS stops its own for a fork
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            theirs.close()
            self._others.append((process, mine))

    def _together(self, half: str, *arguments: Any) -> None:
        """Have every hand play this half, the first one here, and wait for all."""
        order = json.dumps([half, arguments]).encode()
        try:
            for _, connection in self._others:
                connection.send_bytes(order)
            self._halves.play(0, half, list(arguments))
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

    def step(self, splitting: Splitting, moment: Moment, images: Array, labels: Array) -> tuple[Array, Array]:
        """The W-step and the V-step on one batch, by all hands; its mean loss and number of wrong answers."""
        halves, N = self._halves, len(labels)
        if splitting is not halves.splitting:
            raise ValueError("these processes share the memory of another splitting")
        halves.images[:N], halves.labels[:N] = images, labels
        self._together("gradients", N, moment.refit)
        self._together("updates", N, *moment)
        if halves.late and not moment.refit:
            steps = splitting.prox_steps(moment.beta, moment.thresholds)
            for piece in halves.late:
                splitting.update_v(piece, steps)
        used = len(cut(N, halves.shards))
        losses, wrongs = halves.losses[:used], halves.wrongs[:used]
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
def training_shards(shards: int, threads: int, splitting: Splitting, batch_size: int) -> Iterator[Shards]:
    """Shards for training: as many processes as threads where the system forks well, threads otherwise.

    That is on Linux, for arrays of NumPy. (On macOS the system's own libraries do not survive a fork.) With processes the
    splitting's arrays move into shared memory, and its network becomes another object.
    """
    hands = min(shards, threads)
    with thread_pool(threads) as pool:
        if hands == 1 or sys.platform != "linux" or not isinstance(splitting.network.flat, np.ndarray):
            yield Shards(shards, threads, pool)
            return
        run = ProcessShards(threads, pool, Halves(splitting, shards, hands, batch_size))
        try:
            yield run
        finally:
            run.close()
