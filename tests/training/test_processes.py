"""Steps shared out among processes: the bytes of one process, and every way in which one of them can end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.digits import write_digits
from support.processes import alive, children, ends, started

from minisgl.config import PaperConfig, TrainConfig, changed
from minisgl.data.mnist import Digits
from minisgl.errors import MinisglError
from minisgl.experiments import QUICK_CHANGES, preset
from minisgl.models import lenet5
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import Splitting
from minisgl.training.directory import LOCK_TIMEOUT, RunDirectory
from minisgl.training.processes import ProcessShards, is_shared, shareable, shared, training_shards
from minisgl.training.setup import make_splitting
from minisgl.training.shards import Shards, running_shards

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads do the work")

QUICK = preset()
UNITS = (4, 6, 40, 10)


def configured(penalty: str = "l0", **changes: object) -> TrainConfig:
    quick = changed(QUICK, {"penalty": penalty, "batch_size": 20, **QUICK_CHANGES.get(penalty, {})})
    return changed(quick, changes)


def stepped(config: TrainConfig, digits: Digits, run: Shards, splitting: Splitting) -> list[np.ndarray]:
    """Three steps, the last on a batch of seven; losses, wrong answers, and every array in the end."""
    thresholds = None if isinstance(config.regime, PaperConfig) else dict.fromkeys(splitting.network.layout.weights, 0.05)
    splitting.v_step(config.regime.beta, thresholds)
    losses, settings = [], StepSettings(1e-3, config.regime.beta, thresholds)
    for part in (slice(0, 20), slice(20, 40), slice(40, 47)):
        losses += run.step(splitting, settings, digits.images[part], digits.labels[part])
    return [*map(np.array, losses), splitting.network.flat.copy(), splitting.v.copy(), *splitting.optimizer.state.values()]


def small(config: TrainConfig) -> Splitting:
    return make_splitting(config, lenet5(np.random.default_rng(0), units=UNITS))


def ready(config: TrainConfig) -> Splitting:
    """A small one for two processes."""
    return shareable(small(config), 2, 2)


# group-l0's and l1-l2's prox want their layer whole
@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd"}, {"threshold": None}, {"v_group": "lasso"}], ids=str)
@pytest.mark.parametrize("penalty", ["none", "group-lasso", "l0", "l1", "l1-l2", "group-l0"])
def test_the_bytes_are_those_of_one_process(penalty: str, changes: dict, digits: tuple[Digits, Digits]) -> None:
    if "v_group" in changes and penalty not in ("l0", "l1"):
        pytest.skip("nothing to move into the V-step")
    changes = changes | ({"v_group": "l0"} if penalty == "l0" and "v_group" in changes else {})
    results = []
    for shards, threads in ((3, 1), (3, 2), (3, 3), (3, 4)):
        config = configured(penalty, **changes, shards=shards, threads=threads)
        splitting = shareable(small(config), shards, threads)
        with training_shards(shards, threads, [splitting], config.data.batch_size) as run:
            assert isinstance(run, ProcessShards) == (threads > 1)
            results.append(stepped(config, digits[0], run, splitting))
    for other in results[1:]:
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(results[0], other, strict=True))


def test_smoothed_labels_give_the_bytes_of_one_process_and_others_than_plain_ones(digits: tuple[Digits, Digits]) -> None:
    results = []
    for threads, smoothing in ((1, 0.3), (2, 0.3), (2, 0.0)):
        config = configured(threads=threads)
        splitting = shareable(small(config), 2, threads)
        with training_shards(2, threads, [splitting], 20, smoothing=smoothing) as run:
            results.append(stepped(config, digits[0], run, splitting))
    assert all(map(np.array_equal, results[0], results[1]))
    assert not np.array_equal(results[1][0], results[2][0])  # the loss of the first step
    assert not np.array_equal(results[1][6], results[2][6])  # W


def test_a_large_layer_is_shared_out(digits: tuple[Digits, Digits]) -> None:
    """LeNet-5 in its full size, whose fc1 has many blocks, with a prox for blocks and one for the whole."""
    for penalty in ("l0", "l1-l2"):
        config = configured(penalty)
        ours, theirs = (make_splitting(config, lenet5(np.random.default_rng(0))) for _ in range(2))
        with running_shards(2, 2) as run:
            expected = stepped(config, digits[0], run, theirs)
        ours = shareable(ours, 2, 2)
        with training_shards(2, 2, [ours], 20) as run:
            got = stepped(config, digits[0], run, ours)
        assert all(map(np.array_equal, got, expected))


@pytest.mark.parametrize("penalty", ["l0", "none"])
def test_a_solver_is_moved_as_a_copy(penalty: str) -> None:
    splitting = small(configured(penalty))
    splitting.v_step(0.02, dict.fromkeys(splitting.network.layout.weights, 0.05))
    network, before = splitting.network, {name: array.copy() for name, array in splitting.arrays().items()}
    moved = splitting.moved(shared)
    assert moved.arrays().keys() == before.keys()
    for name, array in moved.arrays().items():
        np.testing.assert_array_equal(array, before[name])
        assert is_shared(array)
    for array in moved.arrays().values():
        array[...] = 7
    assert splitting.network is network
    for name, array in splitting.arrays().items():
        np.testing.assert_array_equal(array, before[name])
        assert not is_shared(array)
    assert np.shares_memory(moved.network.flat, moved.network.layers["fc1"].weight)
    assert np.shares_memory(moved.v, moved.network.flat) == (penalty == "none")  # V is still W


def test_a_solver_that_was_not_moved_is_refused() -> None:
    refused = pytest.raises(ValueError, match="not in shared memory: call shareable")
    with refused, training_shards(2, 2, [small(configured())], 20):
        pass


def test_where_one_process_is_enough_the_solver_is_taken_as_it_is() -> None:
    splitting = small(configured())
    for shards, threads in ((1, 4), (4, 1)):
        assert shareable(splitting, shards, threads) is splitting


def test_another_solver_is_refused(digits: tuple[Digits, Digits]) -> None:
    config = configured()
    with training_shards(2, 2, [ready(config)], 20) as run, pytest.raises(ValueError, match="other solvers"):
        stepped(config, digits[0], run, ready(config))


def test_processes_end_with_their_block(digits: tuple[Digits, Digits]) -> None:
    before = set(children(os.getpid()))
    begun = set()

    def fail() -> None:
        with training_shards(3, 3, [ready(configured())], 20):
            begun.update(set(children(os.getpid())) - before)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(begun) == 2
    assert not any(map(alive, begun))


@pytest.mark.parametrize("error", [MinisglError("a sentence"), MemoryError("no room"), KeyError("fc1")], ids=repr)
def test_an_error_in_another_process_is_raised_here(error: Exception, digits: tuple[Digits, Digits], monkeypatch) -> None:
    here, update = os.getpid(), Splitting.update

    def failing(self, *arguments):
        if os.getpid() != here:
            raise error
        update(self, *arguments)

    monkeypatch.setattr(Splitting, "update", failing)
    config = configured()
    splitting = ready(config)
    known = isinstance(error, MinisglError | MemoryError)
    with (
        training_shards(2, 2, [splitting], 20) as run,
        pytest.raises(type(error) if known else RuntimeError, match=error.args[0]),
    ):
        stepped(config, digits[0], run, splitting)


def test_a_process_that_is_killed_is_reported_in_a_sentence(digits: tuple[Digits, Digits]) -> None:
    before = set(children(os.getpid()))
    config = configured()
    splitting = ready(config)
    with training_shards(2, 2, [splitting], 20) as run:
        stepped(config, digits[0], run, splitting)
        (other,) = set(children(os.getpid())) - before
        os.kill(other, signal.SIGKILL)
        with pytest.raises(MinisglError, match=r"was killed by signal 9; if memory ran out, --threads 1 needs less"):
            stepped(config, digits[0], run, splitting)


@pytest.fixture
def data(digits: tuple[Digits, Digits], tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    write_digits(tmp_path / "data", "train", digits[0][:400])
    write_digits(tmp_path / "data", "t10k", digits[1][:40])
    return tmp_path / "data"


def test_no_process_outlives_a_killed_run_and_it_can_go_on_at_once(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path / "run") as run:
        (other,) = children(run.pid)
        run.kill()
    resumed = subprocess.Popen(
        [sys.executable, "-m", "minisgl.train", "--resume", str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    )
    with resumed:
        assert resumed.stdout.readline()  # an epoch's line: it goes on
        resumed.kill()
    assert ends(other)


def test_a_process_that_outlives_a_killed_run_does_not_hold_its_lock(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path / "run") as run:
        (other,) = children(run.pid)
        os.kill(other, signal.SIGSTOP)
        run.kill()
        run.wait()
    try:
        before = time.monotonic()
        with RunDirectory(tmp_path / "run").locked():
            assert time.monotonic() - before < LOCK_TIMEOUT  # at once: there was nothing to wait for
            assert alive(other)
    finally:
        os.kill(other, signal.SIGKILL)


def test_a_run_whose_second_process_dies_keeps_its_checkpoint_and_exits_2(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path / "run") as run:
        os.kill(children(run.pid)[0], signal.SIGKILL)
        assert run.wait(60) == 2
        stderr = run.stderr.read()
    assert stderr.startswith("minisgl: a training process was killed by signal 9")
    assert stderr.count("\n") == 1
    assert list((tmp_path / "run" / "checkpoint").iterdir())


def test_ctrl_c_in_a_terminal_reaches_all_and_only_the_first_answers(data: Path, tmp_path: Path) -> None:
    with started(data, tmp_path / "run") as run:
        others = children(run.pid)
        for pid in (*others, run.pid):  # as a terminal does
            os.kill(pid, signal.SIGINT)
        assert run.wait(60) == 130
        stderr = run.stderr.read()
    assert "to resume: python -m minisgl.train --resume" in stderr
    assert "Traceback" not in stderr
    assert not any(map(alive, others))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_of_bytes_give_the_bytes_of_the_same_images_of_floats(dtype: type, digits: tuple[Digits, Digits]) -> None:
    config = configured(shards=3)
    pixels = np.round(digits[0].images[:60] * 255).astype(np.uint8)
    results = []
    for images in (pixels, pixels.astype(dtype) / dtype(255)):
        for threads in (1, 2):
            splitting = make_splitting(config, lenet5(np.random.default_rng(0), dtype, units=UNITS))
            splitting = shareable(splitting, 3, threads)
            with training_shards(3, threads, [splitting], config.data.batch_size) as run:
                results.append(stepped(config, Digits(images, digits[0].labels[:60]), run, splitting))
    for other in results[1:]:
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(results[0], other, strict=True))
