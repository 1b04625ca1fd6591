"""A sparsity in place of a threshold: the quantile against sorting, exact counts for every penalty, and whole runs."""

import json
import re
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import parsed
from support.device_double import device, transfers
from support.resuming import run, without_figures
from support.trees import tree

from minisgl import penalties as pen
from minisgl.backend import to_device
from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.nn.optimizers import SGD
from minisgl.penalties.names import NAMES, make_r
from minisgl.solver import quantile
from minisgl.solver.quantile import count_for, threshold_for
from minisgl.solver.schedules import Continuation, StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_schedule

SEPARABLE = [name for name in NAMES if isinstance(make_r(name, 1.0, {}, (2, 2), 0), pen.Separable)]


# ---- the quantile


@given(st.floats(0, 1), st.integers(1, 10**7))
@settings(derandomize=True)
def test_the_count_is_the_smallest_that_has_the_share(share: float, n: int) -> None:
    k = count_for(share, n)
    assert k / n >= share
    assert k == 0 or (k - 1) / n < share


@pytest.mark.parametrize(
    ("share", "n", "k"), [(0.9, 1000, 900), (0.55, 100, 55), (0.07, 100, 7), (0.9, 2, 2), (0.9001, 1000, 901)]
)
def test_known_counts(share: float, n: int, k: int) -> None:
    """0.55 * 100 is 55.00000000000001, which rounds up to 56."""
    assert count_for(share, n) == k


@given(
    st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=30),
    st.integers(1, 3),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([np.float32, np.float64]),
)
@settings(derandomize=True, deadline=None)
def test_the_threshold_lies_at_the_sorted_sizes(weights: list[float], parts: int, share: float, dtype: type) -> None:
    """Brute force, with ties: no weight of the k smallest is above it, and none below it is not as small as they are."""
    arrays = np.array_split(np.array(weights, dtype), min(parts, len(weights)))
    tau, ranked, k = threshold_for(arrays, share), sorted(map(abs, weights)), count_for(share, len(weights))
    if k == 0:
        assert tau == 0
        return
    assert tau == pytest.approx(ranked[k - 1], rel=1e-7)
    assert sum(size <= tau for size in ranked) == sum(size <= ranked[k - 1] for size in ranked) >= k


@pytest.mark.parametrize("draw", ["gaussian", "two sizes", "few values", "periodic", "zeros", "sorted"])
def test_the_window_gives_the_same_two_sizes_or_none(draw: str) -> None:
    rng, n = np.random.default_rng(0), 20_000
    gaussian = np.abs(rng.standard_normal(n)).astype(np.float32)
    sizes = {
        "gaussian": gaussian,
        "two sizes": np.where(rng.random(n) < 0.7, gaussian * 1e-3, gaussian),
        "few values": np.round(gaussian, 1),
        "periodic": np.where(np.arange(n) % quantile.SAMPLED == 0, 10 * gaussian, gaussian),  # every one in the sample
        "zeros": gaussian * (rng.random(n) < 0.3),
        "sorted": np.sort(gaussian),
    }[draw]
    found = 0
    for k in (1, 2, 100, 5_000, 10_001, 18_000, 19_900, n - 1, n):
        window = quantile._in_window(sizes, k)
        assert window is None or window == quantile._of_all(sizes, k)
        found += window is not None
    assert found == 3 or draw in ("few values", "periodic", "zeros")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SEPARABLE)
def test_every_separable_penalty_has_exactly_the_wanted_zeros(name: str, dtype: type) -> None:
    """Also where the next size is the next number of float32, or in float64 larger by a part in 10^12.

    There tl1 and log-sum, which shrink a weight just above the threshold to almost 0, may round it to 0.
    """
    rng, gap = np.random.default_rng(0), {np.float32: np.finfo(np.float32).eps, np.float64: 1e-12}[dtype]
    for trial in range(40):
        n = int(rng.integers(2, 400))
        close = trial % 4 == 0
        sizes = np.arange(1, n + 1) * gap + 1 if close else rng.lognormal(size=n)
        w = (10.0 ** rng.uniform(-4, 0) * sizes * rng.choice([-1, 1], n)).astype(dtype)
        rng.shuffle(w)
        if len(np.unique(np.abs(w))) < n:
            continue
        share = rng.uniform(0.01, 1)
        penalty = make_r(name, 10.0 ** rng.uniform(-6, 0), {}, (n, 1), 0)
        v = penalty.prox(w, penalty.step_for(threshold_for([w], share)))
        found, wanted = np.count_nonzero(v == 0), count_for(share, n)
        assert found >= wanted if close and name in ("tl1", "log-sum") else found == wanted, (trial, n, share)


def test_a_share_of_all_and_weights_that_are_already_zero() -> None:
    w = np.array([0.0, 0, 0, 1, -2])
    for share, zeros in ((0.2, 3), (0.6, 3), (0.8, 4), (1.0, 5)):
        tau = threshold_for([w], share)
        assert np.count_nonzero(np.abs(w) <= tau) == zeros


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_give_a_threshold_that_the_prox_takes(bad: float) -> None:
    assert threshold_for([np.array([1.0, bad, bad])], 0.9) == 0


def test_on_a_device_two_numbers_are_fetched_at_once(xp) -> None:
    w = np.random.default_rng(0).standard_normal((30, 20)).astype(np.float32)
    parts = [to_device(part, xp) for part in (w[:7], w[7:])]
    transfers.to_host = 0
    assert threshold_for(parts, 0.9) == threshold_for([w], 0.9)
    assert transfers.to_host == (xp is device)


# ---- the schedule


def test_the_share_rises_along_a_cubic_and_then_stays() -> None:
    schedule = Continuation(lr=1.0, beta=0.1, rise=10.0, thresholds=None, ramp=0.5, sparsity=0.8)
    found = [schedule.at(step, 10, 100) for step in range(100)]
    assert [each.sparsity for each in found[:51:10]] == pytest.approx(
        [0.8 * (1 - (1 - t) ** 3) for t in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    )
    assert {each.sparsity for each in found[50:]} == {0.8}
    assert {each.thresholds for each in found} == {None}
    plain = Continuation(lr=1.0, beta=0.1, rise=10.0, thresholds={}, ramp=0.5)
    assert [each[:2] for each in found] == [plain.at(step, 10, 100)[:2] for step in range(100)]
    words = ["--sparsity", 0.8, "--ramp", 0.5, "--hold", 0, "--lr", 1, "--beta", 0.1, "--beta-rise", 10]
    assert make_schedule(parsed(words), ["fc"]) == schedule


# ---- steps


def zeros(splitting: Splitting, names) -> int:
    return sum(int((splitting.network.layout.weights[name].view(splitting.v) == 0).sum()) for name in names)


@pytest.mark.parametrize("layers", [["fc1"], ["conv2", "fc1", "fc2"]], ids=str)
@pytest.mark.parametrize("name", SEPARABLE)
def test_after_each_step_v_has_the_wanted_zeros_and_is_w_elsewhere(name: str, layers: list[str]) -> None:
    network, rng = lenet5(np.random.default_rng(0), units=(4, 6, 40, 10)), np.random.default_rng(1)
    penalty = LayerPenalty(sparse=make_r(name, 1e-3, {}, (1,), 0))
    splitting = Splitting(network, SGD(network.flat), dict.fromkeys(layers, penalty))
    slots = network.layout.weights
    n = sum(slot.stop - slot.start for layer, slot in slots.items() if layer in layers)
    splitting.start(StepSettings(0.1, 0.02, sparsity=0.0))
    assert np.array_equal(splitting.v, network.weights)
    for share in (0.05, 0.5, 0.9, 0.9):
        step = StepSettings(0.01, 0.02, sparsity=share)
        splitting.prepare()
        splitting.update(splitting.blocks, rng.standard_normal(network.flat.size).astype(np.float32), step)
        splitting.finish(step)
        assert zeros(splitting, layers) == count_for(share, n)
        (tau,) = set(splitting.thresholds(step).values())
        for layer, slot in slots.items():
            w, v = slot.view(network.flat), slot.view(splitting.v)
            np.testing.assert_array_equal(v == 0, np.abs(w) <= np.float32(tau) if layer in layers else False)
            if layer not in layers:
                np.testing.assert_array_equal(v, w)


def test_every_number_of_ranks_gives_the_same_bytes() -> None:
    rng, results = np.random.default_rng(3), []
    images, labels = rng.random((20, 2, 6, 6)), rng.integers(0, 3, 20)
    for threads in (1, 2, 3):
        network = tree()
        each = {name: LayerPenalty(sparse=pen.L0(1e-3)) for name in list(network.layout.weights)[1:]}
        splitting = shareable(Splitting(network, SGD(network.flat, 0.9), each), 3, threads)
        with training_shards(3, threads, [splitting], 20) as shards:
            splitting.start(StepSettings(0.05, 0.02, sparsity=0.3))
            for share in (0.4, 0.6, 0.9):
                shards.step(splitting, StepSettings(0.05, 0.02, sparsity=share), images, labels)
        results.append({name: array.tobytes() for name, array in splitting.arrays().items()})
    assert results[0] == results[1] == results[2]


# ---- runs


WORDS = ["--sparsity", 0.9, "--epochs", 3, "--batch-size", 50]


@pytest.mark.parametrize(
    ("words", "layers"),
    [
        ("", ["conv1", "conv2", "fc1", "fc2"]),
        ("--penalty l1 --sparse-layers conv2 fc1", ["conv2", "fc1"]),
        ("--penalty l1-l2 --sparse-layers conv2 fc1", ["conv2", "fc1"]),  # not separable, but it has a threshold
    ],
)
def test_a_run_ends_with_the_share_on_every_number_of_processes(words: str, layers: list[str], tiny, tmp_path) -> None:
    out, other = tmp_path / "run", tmp_path / "two processes"
    with without_figures():
        run([*WORDS, "--threads", 1, *words.split(), "--data", tiny], out)
        run([*WORDS, "--threads", 2, *words.split(), "--data", tiny], other)
    assert (out / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    report = json.loads((out / "report.json").read_text())["v"]["layers"]
    n, found = (sum(report[name][key] for name in layers) for key in ("weights", "zero_weights"))
    assert found == ceil(0.9 * n)
    assert all(report[name]["zero_weights"] == 0 for name in set(report) - set(layers))
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    for record in history:
        assert list(record["thresholds"]) == layers
        assert len(set(record["thresholds"].values())) == 1
    assert history[0]["thresholds"]["fc1"] > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "--sparsity 0.9 --threshold 0.1",
            "--threshold and --sparsity both decide which weights of V are zero: give one of them",
        ),
        ("--sparsity 0.9 --threshold 0.1 --preset paper", "--threshold and --sparsity both"),
        ("--sparsity 0.9 --preset paper", "option of continuation, and preset paper takes its threshold from lam and beta"),
        ("--sparsity 0.9 --penalty none", "--sparsity 0.9 needs an r with lam > 0, and penalty none has no r"),
        ("--sparsity 1", "--sparsity must be between 0 and 1, but is 1.0"),
        ("--sparsity 0", "--sparsity must be between 0 and 1, but is 0.0"),
        (
            "--sparsity 0.9 --penalty group-l0",
            "--sparsity 0.9 needs a penalty on single weights, such as l0, and group-l0 is not one",
        ),
        ("--sparsity 0.9 --v-group l0", "and l0 with --v-group l0 is not one"),
    ],
)
def test_what_is_refused(words: str, sentence: str, tiny, tmp_path) -> None:
    with pytest.raises(MinisglError, match=re.escape(sentence)):
        run([*words.split(), "--data", tiny], tmp_path / "run")
    assert not (tmp_path / "run").exists()
