"""The loop itself: repeatable to the byte, plain where nothing is penalised, able to fit, and loud when it diverges."""

from dataclasses import replace
from math import cos, pi
from pathlib import Path

import numpy as np
import pytest

from minisgl.config import TrainConfig, changed
from minisgl.data.mnist import Digits
from minisgl.errors import MinisglError
from minisgl.experiments import preset
from minisgl.formats import network_file
from minisgl.models import lenet5
from minisgl.nn.optimizers import Adam
from minisgl.solver.splitting import Splitting
from minisgl.training import checkpoint
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import StepProgress, Training
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

CONFIG = preset(epochs=2)


def train(config: TrainConfig, digits: Digits, directory: Path) -> Splitting:
    splitting = make_splitting(config, lenet5(np.random.default_rng(config.seed)))
    with running_shards(config.shards, config.threads) as shards:
        training = Training(config, splitting, digits)
        training.run(shards, RunDirectory.create(directory, ""), lambda tick: None, lambda record: None)
    return splitting


@pytest.fixture(scope="module")
def some(digits: tuple[Digits, Digits]) -> Digits:
    return digits[0][:950]  # the last batch is a partial one


@pytest.mark.parametrize("which", ["quick", "paper"])
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(which: str, some: Digits, tmp_path: Path) -> None:
    config = preset(which, epochs=2)
    contents = []
    for name, threads in (("a", 2), ("b", 2), ("c", 1)):
        splitting = train(replace(config, threads=threads), some, tmp_path / name)
        network_file.write(tmp_path / f"{name}.safetensors", splitting.reported("v"))
        contents.append((tmp_path / f"{name}.safetensors").read_bytes())
    assert contents[0] == contents[1] == contents[2]
    other = train(replace(config, seed=1), some, tmp_path / "d")
    network_file.write(tmp_path / "d.safetensors", other.reported("v"))
    assert (tmp_path / "d.safetensors").read_bytes() != contents[0]


@pytest.mark.parametrize("changes", [{"penalty": "none"}, {"lam": 0.0}, {"penalty": "l1", "lam": 0.0, "beta": 0.0}])
def test_without_a_penalty_the_bytes_are_those_of_the_plain_loop(changes: dict, some: Digits, tmp_path: Path) -> None:
    config = changed(CONFIG, {**changes, "hold": 0.0})
    splitting = train(config, some, tmp_path / "run")

    network = lenet5(np.random.default_rng(config.seed))
    adam = Adam(network.flat)
    with running_shards(2, 2) as shards:
        for step in range(20):
            epoch, i = divmod(step, 10)
            order = np.random.default_rng((config.seed, epoch)).permutation(len(some))
            batch = some[order[100 * i : 100 * i + 100]]
            _, _, gradient = shards.gradient(network, batch.images, batch.labels)
            adam.advance()
            adam.update(network.flat, gradient, config.lr * (1 + cos(pi * step / 20)) / 2)

    assert splitting.network.flat.tobytes() == network.flat.tobytes()
    assert np.shares_memory(splitting.v, splitting.network.flat)


def test_it_overfits_100_images_to_zero_error(digits: tuple[Digits, Digits]) -> None:
    hundred = digits[0][:100]
    config = preset(penalty="none", epochs=30, batch_size=20)
    splitting = make_splitting(config, lenet5(np.random.default_rng(0)))
    training = Training(config, splitting, hundred)
    with running_shards(2, 2) as shards:
        for epoch in range(config.epochs):
            training.run_epoch(shards, epoch, lambda tick: None)
        assert shards.error(splitting.network, hundred.images, hundred.labels) == 0


def test_divergence_names_epoch_step_and_cause_and_keeps_the_checkpoint(some: Digits, tmp_path: Path) -> None:
    config = preset(epochs=2, optimizer="sgd", penalty="none", lr=1e6)
    with pytest.raises(
        MinisglError, match=r"in epoch 1, step \d+ of 10; most likely the learning rate .* too large; no checkp"
    ):
        train(config, some, tmp_path / "at-once")

    # a network that learns one epoch and is then fed a batch that ruins it
    healthy = preset(epochs=2, penalty="none")
    splitting = make_splitting(healthy, lenet5(np.random.default_rng(0)))
    training = Training(healthy, splitting, some)

    def poison(record: dict) -> None:
        splitting.network.flat[:] = np.nan

    run = RunDirectory.create(tmp_path / "later", "")
    with running_shards(2, 2) as shards, pytest.raises(MinisglError, match=r"in epoch 2, step 1 .* after epoch 1 is kept"):
        training.run(shards, run, lambda tick: None, poison)
    restored = make_splitting(healthy, lenet5(np.random.default_rng(0)))
    assert checkpoint.load(run.checkpoints, restored).epoch == 1
    assert np.isfinite(restored.network.flat).all()


def test_divergence_in_the_first_epoch_names_the_checkpoint_after_a_step(some: Digits, tmp_path: Path) -> None:
    config = preset(epochs=2, penalty="none", checkpoint_every=4)
    training, run = Training(config, make_splitting(config, lenet5(np.random.default_rng(0))), some), RunDirectory(tmp_path)

    def poison(tick: StepProgress) -> None:
        if tick.step == 8:
            training.solver.network.flat[:] = np.nan

    words = r"in epoch 1, step 8 of 10; .* is too large; the checkpoint after step 4 is kept$"
    with running_shards(2, 2) as shards, pytest.raises(MinisglError, match=words):
        training.run(shards, run, poison, lambda record: None)


@pytest.mark.parametrize("penalty", ["l0", "none"])
def test_a_restored_checkpoint_goes_on_as_if_nothing_had_happened(penalty: str, some: Digits, tmp_path: Path) -> None:
    config = changed(CONFIG, {"penalty": penalty})
    unbroken = train(config, some, tmp_path / "run")

    # forget the second epoch, restore the first one's end, and train it again
    newest = max((tmp_path / "run" / "checkpoint").iterdir())
    newest.unlink()
    splitting = make_splitting(config, lenet5(np.random.default_rng(99)))
    assert checkpoint.load(tmp_path / "run" / "checkpoint", splitting).epoch == 1
    with running_shards(config.shards, config.threads) as shards:
        Training(config, splitting, some).run_epoch(shards, 1, lambda tick: None)
    assert splitting.network.flat.tobytes() == unbroken.network.flat.tobytes()
    assert splitting.v.tobytes() == unbroken.v.tobytes()


@pytest.mark.parametrize("wrong", [{"seconds": "abc"}, {"seconds": None}, {"loss_sum": []}, {"epoch": 1.5}, {"step": -1}])
def test_a_checkpoint_with_a_wrong_position_is_damaged(wrong: dict, tmp_path: Path) -> None:
    splitting = make_splitting(CONFIG, lenet5(np.random.default_rng(0)))
    checkpoint.save(tmp_path, splitting, replace(checkpoint.Position(1, 0, 0.0, 0, 0), **wrong), {})
    with pytest.raises(MinisglError, match="is not a checkpoint: it has no position in the run"):
        checkpoint.load(tmp_path, splitting)


def test_after_a_damaged_checkpoint_the_one_before_it_counts(some: Digits, tmp_path: Path) -> None:
    train(CONFIG, some, tmp_path / "run")
    newest = max((tmp_path / "run" / "checkpoint").iterdir())
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    splitting = make_splitting(CONFIG, lenet5(np.random.default_rng(0)))
    assert checkpoint.load(newest.parent, splitting).epoch == 1
    min(newest.parent.iterdir()).unlink()
    with pytest.raises(MinisglError, match="checksum"):
        checkpoint.load(newest.parent, splitting)


def test_held_out_images_are_the_last_ones_and_are_not_trained_on(digits: tuple[Digits, Digits]) -> None:
    config = preset(epochs=2, holdout=5000)
    training = Training(config, make_splitting(config, lenet5(np.random.default_rng(0))), digits[0])
    assert len(training.train) == 55_000
    assert training.measured_on == "held-out"
    np.testing.assert_array_equal(training.measured.labels, digits[0].labels[-5000:])


def test_in_the_paper_regime_the_threshold_follows_from_beta(some: Digits, tmp_path: Path) -> None:
    config = preset("paper", epochs=1)
    splitting = train(config, some, tmp_path / "run")
    w = splitting.network.weights
    # sqrt(2 lam / beta) with beta = 25 lam
    np.testing.assert_array_equal(splitting.v, np.where(np.abs(w) > np.sqrt(2 / 25), w, 0))
