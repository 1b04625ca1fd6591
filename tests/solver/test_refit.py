"""Refit on the support: which weights stay, and that only they move. (test_resume.py interrupts a run near its refit.)"""

from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load_file
from support.device_double import device

from minisgl.backend import to_device, to_host
from minisgl.config import changed
from minisgl.errors import MinisglError
from minisgl.experiments import QUICK_CHANGES, preset
from minisgl.models import lenet5
from minisgl.ranges import check
from minisgl.solver.refit import Refit, largest
from minisgl.solver.schedules import Continuation, HalfCosine, StepSettings, Stepwise
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_splitting, make_stages

UNITS = (4, 6, 40, 10)
REFIT = StepSettings(1e-3)


def made(penalty="l0", dtype=np.float32, **changes):
    config = changed(preset(), {**QUICK_CHANGES.get(penalty, {}), "penalty": penalty, **changes})
    return make_splitting(config, lenet5(np.random.default_rng(0), dtype, UNITS))


def begun(splitting, prune=0.0):
    """The refit of a splitting, at its beginning; the optimiser has a past."""
    if splitting.splits:
        splitting.v_step(0.02, dict.fromkeys(splitting.network.layout.weights, 0.05))
    for array in splitting.optimizer.state.values():
        array[...] = 0.01
    refit = Refit(splitting, prune)
    refit.start(REFIT)
    return refit


# ---- the stages of a run


@pytest.mark.parametrize("name", ["quick", "paper"])
def test_before_the_refit_the_run_goes_as_one_that_ends_there(name):
    with_refit = make_stages(preset(name, epochs=5, refit=2), made())
    shorter = make_stages(preset(name, epochs=3), made())
    assert [(stage.first, stage.epochs) for stage in with_refit] == [(0, 3), (3, 2)]
    assert len(shorter) == 1
    assert isinstance(shorter[0].schedule, Continuation if name == "quick" else Stepwise)
    for epoch in range(3):
        for i in range(10):
            assert with_refit[0].settings(epoch, i, 10) == shorter[0].settings(epoch, i, 10)


def test_in_the_refit_lr_falls_by_half_a_cosine_and_there_are_no_penalties():
    _, stage = make_stages(preset(epochs=5, refit=2, lr=0.5, prune=0.25), made())
    assert isinstance(stage.solver, Refit)
    assert stage.solver.prune == 0.25
    assert stage.schedule == HalfCosine(0.5)
    settings = [stage.settings(epoch, i, 10) for epoch in (3, 4) for i in range(10)]
    assert {each[1:] for each in settings} == {(0.0, None, None, 0.0)}
    assert [each.lr for each in settings] == pytest.approx([0.25 * (1 + np.cos(pi * k / 20)) for k in range(20)])


def test_a_refit_works_on_the_arrays_of_the_solver_before_it_wherever_they_are():
    refit = Refit(made(), 0.5)
    for each in (refit, refit.moved(np.copy)):
        assert each.solver.v is each.v
        assert each.solver.network is each.network
        assert each.arrays() == each.solver.arrays()
    assert not np.shares_memory(refit.moved(np.copy).v, refit.v)


# ---- what stays


@given(arrays(float, st.integers(1, 30), elements=st.integers(-4, 4).map(float)), st.floats(0, 1, exclude_max=True))
def test_the_largest_stay(weights, prune):
    """Brute force: sorted by size, ties by place."""
    ranked = sorted(range(len(weights)), key=lambda i: (-abs(weights[i]), i))
    expected = np.isin(np.arange(len(weights)), ranked[: len(weights) - round(prune * len(weights))])
    np.testing.assert_array_equal(largest(weights, prune), expected)


@pytest.mark.parametrize("penalty", ["l0", "none", "group-lasso"])
@pytest.mark.parametrize("prune", [0.0, 0.9])
def test_begin_makes_w_and_v_one_network_and_the_optimiser_forget(penalty, prune):
    splitting = made(penalty)
    splitting.network.weights[:50] = 3e-6  # smaller than what counts as zero
    begun(splitting, prune)
    w = splitting.network.weights
    np.testing.assert_array_equal(splitting.v, w)
    assert (w[:50] == 0).all()
    if prune:
        assert np.count_nonzero(w) <= round(0.1 * w.size) + 1
    for array in splitting.optimizer.state.values():
        np.testing.assert_array_equal(array[: w.size] == 0, w == 0)
        assert (array[w.size :] != 0).all()  # of the biases


@pytest.mark.parametrize("penalty", ["l0", "l1", "tl1", "l1-l2"])
def test_with_a_sparsity_the_refit_begins_with_just_as_many_zeros(penalty):
    """Weights below 1e-5 that are not zero stay: penalties that shrink leave many."""
    splitting = made(penalty)
    config = preset(penalty=penalty, sparsity=0.9, epochs=5, refit=2)
    splitting.network.weights[...] *= 1e-5
    first, last = make_stages(config, splitting)
    splitting.start(first.settings(2, 9, 10))
    v = splitting.v.copy()
    assert np.count_nonzero(v == 0) < np.count_nonzero(np.abs(v) < 1e-5)
    for refit in (last.solver, last.solver.moved(np.copy)):
        refit.start(REFIT)
        np.testing.assert_array_equal(refit.network.weights, v)
        np.testing.assert_array_equal(refit.v, v)


def test_prune_counts_weights_of_the_whole_network():
    refit = begun(made("none"), 0.75)
    weights = made("none").network.weights
    cut = np.sort(np.abs(weights))[round(0.75 * weights.size)]
    np.testing.assert_array_equal(refit.network.weights, np.where(np.abs(weights) >= cut, weights, 0))


# ---- that the survivors move, and nothing else


def test_prune_can_be_about_some_layers_only():
    splitting = made("none")
    before = splitting.network.flat.copy()
    slots = splitting.network.layout.weights
    refit = Refit(splitting, 0.75, pruned=[slots["conv2"], slots["fc2"]])
    refit.start(REFIT)
    flat = splitting.network.flat
    for name in ("conv1", "fc1"):
        np.testing.assert_array_equal(slots[name].view(flat), slots[name].view(before))
    together = np.concatenate([slots[name].view(before).ravel() for name in ("conv2", "fc2")])
    left = np.concatenate([slots[name].view(flat).ravel() for name in ("conv2", "fc2")])
    assert np.count_nonzero(left) == together.size - round(0.75 * together.size)
    assert np.abs(left[left != 0]).min() >= np.abs(together[left == 0]).max()
    np.testing.assert_array_equal(left[left != 0], together[left != 0])


def test_the_refit_can_have_a_learning_rate_and_layers_of_its_own():
    words = {"epochs": 5, "refit": 2, "prune": 0.5, "prune_layers": "sparse", "sparse_layers": ("fc*",), "refit_lr": 0.25}
    _, stage = make_stages(preset(penalty="none", **words), made("none"))
    assert stage.settings(3, 0, 10).lr == 0.25
    assert [slot.name for slot in stage.solver.pruned] == ["fc1.weight", "fc2.weight"]
    with pytest.raises(MinisglError, match=r"--prune 0\.5: there is no layer conv9; the layers are conv1, conv2, fc1, fc2"):
        make_stages(preset(penalty="none", **{**words, "sparse_layers": ("conv9",)}), made("none"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"refit_lr": 0.1}, "--refit-lr 0.1 needs a refit, and there is none: give --refit too"),
        ({"prune_layers": "sparse"}, "--prune-layers sparse is for --prune, which is 0"),
        ({"refit_lr": 0.0, "refit": 1}, "--refit-lr must be a number above 0, up to 1e9, but is 0.0"),
    ],
)
def test_an_option_of_the_refit_that_would_not_be_used_is_refused(options, sentence):
    with pytest.raises(MinisglError, match=sentence):
        check(preset(epochs=3, **options))


def test_a_step_is_that_of_the_loss_on_the_support(digits):
    """Slow twin: the optimiser on the survivors and biases alone, as a vector of their own."""
    images, labels = digits[0].images[:20].astype(float), digits[0].labels[:20]
    refit = begun(made(dtype=np.float64))
    network, n = refit.network, refit.network.layout.n_weights
    stays = np.concatenate([network.weights != 0, np.ones(network.flat.size - n, bool)])
    w = network.flat[stays]
    m, s = (array[stays] for array in refit.optimizer.state.values())
    with training_shards(1, 1, [refit], 20) as run:
        for t in (1, 2, 3):
            full = np.zeros(network.flat.size)
            full[stays] = w
            g = run.gradient(network.with_flat(full), images, labels)[2][stays]
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
            w = w - 1e-3 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
            run.step(refit, REFIT, images, labels)
            np.testing.assert_allclose(network.flat[stays], w, rtol=1e-12)
            assert not network.flat[~stays].any()
            np.testing.assert_array_equal(refit.v, network.weights)


@pytest.mark.parametrize("penalty", ["l0", "l1-l2", "group-l0", "none"])
def test_processes_give_the_bytes_of_one(penalty, digits):
    results = []
    for threads in (1, 2, 3):
        splitting = shareable(made(penalty), 3, threads)
        refit = Refit(splitting, 0.5)
        with training_shards(3, threads, [splitting, refit], 20) as run:
            begun(splitting)  # after the fork: the other processes see it in shared memory
            refit.start()
            for part in (slice(0, 20), slice(20, 33)):
                run.step(refit, REFIT, digits[0].images[part], digits[0].labels[part])
            results.append([refit.network.flat.copy(), refit.v.copy()])
    for other in results[1:]:
        assert all(map(np.array_equal, results[0], other))


def test_on_a_device(digits):
    there = make_splitting(
        preset(),
        lenet5(np.random.default_rng(0), units=UNITS).with_flat(to_device(made().network.flat, device)),
    )
    here = made()
    for splitting, move in ((here, lambda a: a), (there, lambda a: to_device(a, device))):
        refit = begun(splitting, 0.9)
        with training_shards(1, 1, [refit], 20) as run:
            run.step(refit, REFIT, move(digits[0].images[:20]), move(digits[0].labels[:20]))
    np.testing.assert_array_equal(to_host(there.network.flat), here.network.flat)


# ---- a whole run


def test_magnitude_pruning_leaves_exactly_what_was_asked_for(small, command, tmp_path):
    words = ["--epochs", 2, "--refit", 1, "--penalty", "none", "--prune", 0.9, "--data", small, "--out", "run"]
    assert command("minisgl.train", *words).returncode == 0
    weights = [array for name, array in load_file(tmp_path / "run" / "model.safetensors").items() if name.endswith("weight")]
    assert sum(map(np.count_nonzero, weights)) == 43_050
