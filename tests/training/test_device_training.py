"""Whole steps and whole runs on device arrays: NumPy's numbers, and inside a step nothing moves to or from the host."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.device_double import HiddenTransferError, device, transfers
from support.layers import as_on_a_device

from minisgl.backend import to_device, to_host
from minisgl.config import changed
from minisgl.data import curves
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.experiments import EXPERIMENTS, ON_A_GPU, preset
from minisgl.nn import ReLU, softmax_cross_entropy
from minisgl.penalties.names import ALL
from minisgl.training import checkpoint, report, shards
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

QUICK = preset(threads=1, shards=1, batch_size=20, epochs=2)
V_GROUPS = [("l1", "lasso"), ("l0", "lasso"), ("l0", "l0"), ("scad", "l0")]


def at_work(config, digits, xp):
    """A Training whose arrays are of the module xp, and whose convolutions are computed as on a device."""
    network = EXPERIMENTS[config.experiment].network(np.random.default_rng(config.seed))
    network = network.with_flat(to_device(network.flat, xp))
    for _, leaf in network.walk():
        as_on_a_device(leaf)
    return Training(config, make_splitting(config, network), digits.to(xp))


def first_steps(config, digits, xp, count, fetches=0):
    """W, V and the losses after `count` steps; on the double, each but the first fetches this often and moves nothing else."""
    training = at_work(config, digits, xp)
    losses = []
    with running_shards(config.shards, config.threads) as run:
        for i in range(count):
            batch = training.train[20 * i : 20 * (i + 1)]
            transfers.to_host = transfers.to_device = 0
            losses.append(training.step(run, 0, i, batch.images, batch.labels)[0])
            assert i == 0 or (transfers.to_host, transfers.to_device) == (fetches if xp is device else 0, 0)
    return training.solver.network.flat, training.solver.v, [float(to_host(loss)) for loss in losses]


@pytest.mark.parametrize("penalty", ["l0", "tl1"])
def test_a_step_with_a_sparsity_fetches_two_numbers_at_once(penalty, digits, xp, near):
    options = {"sparsity": 0.9, "ramp": 0.01, "weight_decay": 5e-4}
    config = preset(penalty=penalty, threads=1, shards=1, batch_size=20, sparse_layers=["conv2", "fc1"], **options)
    w, v, _ = first_steps(config, digits[0][:60], xp, 3, fetches=1)
    host_w, host_v, _ = first_steps(config, digits[0][:60], np, 3)
    near(w, host_w)
    near(v, host_v)


@pytest.mark.parametrize("penalty", [*((name, "none") for name in ALL), *V_GROUPS], ids="-".join)
def test_whole_steps_of_lenet5_with_every_penalty(penalty, digits, xp, near):
    name, v_group = penalty
    config = changed(preset(penalty=name, threads=1, shards=1, batch_size=20), {"v_group": v_group, "ramp": 0.01})
    part = digits[0][:60]
    w, v, losses = first_steps(config, part, xp, 3)
    host_w, host_v, host_losses = first_steps(config, part, np, 3)
    near(w, host_w)
    near(v, host_v)
    assert losses == pytest.approx(host_losses, rel=0 if xp is device else 1e-4)


@pytest.mark.parametrize("options", [{"name": "paper"}, {"optimizer": "sgd", "lr": 0.01, "nesterov": True}])
def test_whole_steps_in_the_papers_regime_and_with_sgd(options, digits, xp, near):
    config = preset(**options, threads=1, shards=1, batch_size=20, epochs=2)
    for found, expected in zip(
        first_steps(config, digits[0][:60], xp, 3), first_steps(config, digits[0][:60], np, 3), strict=True
    ):
        near(np.array(to_host(found) if hasattr(found, "shape") else found), expected)


@pytest.mark.parametrize("penalty", ["none", "l0", "tl1", "l1-l2"])
def test_whole_steps_of_the_curve_network(penalty, xp, near):
    config = changed(preset("quick", "shaky-curves", penalty, threads=1, shards=1, batch_size=20), {"ramp": 0.01})
    pictures = np.stack([curves.draw("train", i, seed=0) for i in range(60)])[:, None].astype(np.float32) / 255
    part = LabelledImages(pictures, np.arange(60) % 2)
    w, v, losses = first_steps(config, part, xp, 3)
    host_w, host_v, host_losses = first_steps(config, part, np, 3)
    near(w, host_w)
    near(v, host_v)
    assert losses == pytest.approx(host_losses, rel=0 if xp is device else 1e-4)


def test_a_whole_run_with_history_checkpoint_and_report(digits, xp, tmp_path):
    results = {}
    for name, module in (("device", xp), ("host", np)):
        training = at_work(QUICK, digits[0][:100], module)
        run = RunDirectory.create(tmp_path / name, "")
        with running_shards(1, 1) as shards:
            transfers.to_host = 0
            training.run(shards, run, lambda tick: None, lambda record: None)
            looks = transfers.to_host
            networks = {which: training.network(shards, which) for which in ("w", "v")}
            result = report.make(QUICK, training.solver, networks, shards, digits[1][:50].to(module), seconds=1.0)
        if module is device:
            # an epoch of 5 steps has two looks of three numbers, four checks, and W and V, measured with two copies each;
            # and a checkpoint of four arrays
            assert looks <= 2 * (2 * 3 + 4 + 2 * 3 + 4)
        history = [{key: value for key, value in record.items() if key != "seconds"} for record in run.read_history()]
        results[name] = history, {key: result[key] for key in ("w", "v", "final")}, run.checkpoints
    (history, result, saved), (host_history, host_result, host_saved) = results["device"], results["host"]
    if xp is device:
        assert (history, result) == (host_history, host_result)
        for path in host_saved.iterdir():
            ours, theirs = load_file(saved / path.name), load_file(path)
            assert all(np.array_equal(ours[name], array) for name, array in theirs.items())
    assert [record["loss"] for record in history] == pytest.approx([record["loss"] for record in host_history], rel=1e-3)

    elsewhere = at_work(QUICK, digits[0][:100], xp)  # a checkpoint of the host goes on on the device
    assert checkpoint.load(host_saved, elsewhere.solver).epoch == 2
    assert elsewhere.solver.optimizer.steps == 10


def test_the_first_loss_that_is_no_number_names_its_step_and_no_checkpoint_follows(digits, xp, tmp_path):
    training = at_work(
        changed(QUICK, {"penalty": "none", "lr": 1e-9}), digits[0][:400], xp
    )  # 20 steps an epoch, a look at every tenth
    step, run = training.step, RunDirectory.create(tmp_path / "run", "")

    def poisoned(shards, epoch, i, images, labels):
        if i == 13:
            training.solver.network.flat[...] = inf
        return step(shards, epoch, i, images, labels)

    training.step = poisoned
    with running_shards(1, 1) as shards, pytest.raises(MinisglError, match=r"the loss became nan in epoch 1, step 14 of 20"):
        training.run(shards, run, lambda tick: None, lambda record: None)
    assert not list(run.checkpoints.iterdir())


PLANTS = {
    "np.exp on a device array": lambda patch: patch.setattr(
        ReLU, "forward", lambda self, x, workspace=None: (np.exp(x), (x, workspace))
    ),
    "an implicit float()": lambda patch: patch.setattr(
        shards, "softmax_cross_entropy", lambda *args, **kwargs: (float(softmax_cross_entropy(*args, **kwargs)[0]), None)
    ),
    "a host mask": lambda patch: patch.setattr(
        shards, "split", lambda size, shards: [np.arange(size) % 2 == 0, np.arange(size) % 2 == 1]
    ),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_hidden_transfer_stops_a_whole_step(plant, digits, monkeypatch):
    plant(monkeypatch)
    with pytest.raises((TypeError, HiddenTransferError)):
        first_steps(QUICK, digits[0][:20], device, 1)


@pytest.mark.gpu
def test_fifty_steps_agree_in_loss(digits, xp):
    config = replace(QUICK, epochs=1)
    found, expected = (first_steps(config, digits[0][:1000], module, 50)[2] for module in (xp, np))
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_gpu_takes_a_batch_whole():
    assert (ON_A_GPU["threads"], ON_A_GPU["shards"]) == (1, 1)
    config = preset(penalty="l1", backend="cupy")
    assert (config.backend, config.threads, config.shards) == ("cupy", 1, 1)
    assert replace(config, backend="numpy", threads=2, shards=2) == preset(penalty="l1")
