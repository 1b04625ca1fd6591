"""A run whose result has lost a layer stops if the layer cannot come back, and goes on if it can."""

import json

import numpy as np
import pytest
from support.commands import parsed
from support.resuming import WORDS, run
from support.trees import Sum

from minisgl.analysis.sparsity import count, empty_layers
from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, Network, ReLU, Residual, ScaleShift
from minisgl.training.empty_layers import find, recorded, stop_if_lost
from minisgl.training.setup import make_splitting

pytestmark = pytest.mark.usefixtures("no_figures")


def empty(network):
    return empty_layers(network, count(network))


def history(out):
    return [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]


def test_a_lost_layer_of_v_stops_the_run_and_its_resume(tiny, tmp_path):
    out, sentence = tmp_path / "run", None
    words = ["--preset", "small", "--epochs", 9, "--refit", 3, "--batch-size", 50, "--threads", 1, "--data", tiny, "--out", out]
    for again in (words, ["--resume", out]):
        with pytest.raises(MinisglError) as raised:
            run(again)
        assert sentence in (None, str(raised.value))
        sentence = str(raised.value)
        assert [sorted(record.get("empty_layers", {})) for record in history(out)] == [[], [], [], ["conv1"], ["conv1"]]
        assert max(path.stem for path in (out / "checkpoint").iterdir()) == "000032"  # after epoch 4
        assert not (out / "report.json").exists()
    last = history(out)[-1]["empty_layers"]["conv1"]
    assert last["since"] == 4
    assert last["largest"] < history(out)[-2]["empty_layers"]["conv1"]["largest"] < 0.415
    assert sentence == (
        "V has had no weights in conv1 since epoch 4 (the largest root mean square of a unit's weights of W there is "
        f"{last['largest']:.3g}, the threshold is 0.45); W has not grown there since, and V gives the same answer for every "
        "image; stopped after epoch 5; choose a smaller --threshold; the checkpoint after epoch 4 is kept"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--threshold 1 --refit 1", r"V has .* in conv2 since epoch 1 \(.* weight of W there is 0\.\d+, the threshold is 1\);"),
        ("--sparsity 0.9999 --refit 1", r"V has .* conv2 since epoch \d \(.* threshold is 0\.\d+\);.* a smaller --sparsity"),
        ("--preset paper --refit 1", r"V has .* fc1 since epoch 2 \(.* 0\.2\d+\); .*a smaller --lam or a larger --beta"),
        ("--refit 2 --prune 0.9999", r"V has .* fc1 since epoch 2; .* refit keeps its zeros.* smaller --prune"),
        ("--penalty none --refit 2 --prune 0.9999", r"W has .* fc1 since epoch 2; .* refit keeps its zeros.* smaller --prune"),
    ],
)
def test_no_refit_of_an_empty_layer(words, sentence, tiny, tmp_path):
    with pytest.raises(MinisglError, match=sentence):
        run([*WORDS, "--epochs", 3, *words.split(), "--data", tiny], tmp_path / "run")


def test_a_layer_that_comes_back_is_waited_for(tiny, tmp_path):
    words = "--epochs 5 --ramp 0.02 --threshold 0.3 --lr 1e-2 --beta 0.001 --beta-rise 1 --batch-size 20 --threads 1"
    run([*words.split(), "--data", tiny], tmp_path / "run")
    empty = ["fc1" in record.get("empty_layers", {}) for record in history(tmp_path / "run")]
    assert empty[0]
    assert not empty[-1]


@pytest.mark.parametrize("words", ["--preset paper --epochs 3", "--threshold 1000 --ramp 0.01 --epochs 1"])
def test_a_v_that_is_not_kept_and_the_last_epoch_stop_nothing(words, tiny, tmp_path):
    shown = run([*WORDS, *words.split(), "--data", tiny], tmp_path / "run")
    lines = [line for line in shown.splitlines() if "the same answer" in line]
    whole = "V has no weights in conv1, conv2, fc1, fc2: it gives the same answer for every image."
    assert lines == ([] if "paper" in words else [whole])


def test_a_lost_layer_of_w_stops_the_run():
    config = parsed(["--penalty", "group-lasso", "--lam", "0.1"])
    solver = make_splitting(config, lenet5(np.random.default_rng(0)))

    def record():
        return {"epoch": 3, "thresholds": {"conv1": 0.1}, "w": {"empty_layers": empty(solver.reported("w"))}}

    assert find(config, solver, record(), {}) is None
    solver.network.layout.weights["conv1"].view(solver.network.flat)[...] = 9e-6
    now = find(config, solver, record(), {})
    assert now == {"conv1": {"since": 3, "largest": pytest.approx(9e-6), "threshold": None}}
    stop_if_lost(config, solver, 2, now, {})
    stop_if_lost(config, solver, 2, now, {"conv1": {**now["conv1"], "largest": 8e-6}})  # it grows
    with pytest.raises(
        MinisglError, match=r"^W has .* in conv1 since epoch 3 \(.* is 9e-06\);.* choose a smaller --lam or --lr$"
    ):
        stop_if_lost(config, solver, 3, now, now)
    stop_if_lost(config, solver, config.epochs - 1, now, now)


@pytest.mark.parametrize(("words", "comes_back"), [(["--sparsity", "0.9"], True), (["--threshold", "0.3"], False)])
def test_with_a_sparsity_what_counts_is_the_largest_weight_over_the_threshold(words, comes_back):
    """The quantile falls as beta pulls weights to 0: a layer may come back though its W shrinks too."""
    config = parsed(words)
    solver = make_splitting(config, lenet5(np.random.default_rng(0)))

    def at(largest, threshold):
        return {"conv2": {"since": 3, "largest": largest, "threshold": threshold}}

    stop_if_lost(config, solver, 3, at(0.21, 0.3), at(0.2, 0.3))
    if comes_back:
        stop_if_lost(config, solver, 3, at(0.1, 0.2), at(0.2, 0.5))
    than = ", compared with the threshold" if comes_back else ""
    with pytest.raises(MinisglError, match=f"; W has not grown there since{than}, and V"):
        stop_if_lost(config, solver, 3, at(0.1, 0.2), at(0.2, 0.3))


def test_where_the_images_may_have_another_way_no_layer_counts():
    class Mine(ReLU):
        parameters = ScaleShift(4).parameters

    chain = {"flatten": Flatten(), "fc1": Linear(4, 4), "fc2": Linear(4, 2)}
    for layers, found in (
        (chain, ["fc1"]),
        ({**chain, "mine": Mine()}, []),
        ({"flatten": Flatten(), "block": Residual({"fc1": Linear(4, 4)}), "fc2": Linear(4, 2)}, []),
        ({"sum": Sum({"fc1": Conv2d(1, 1, 1), "other": Conv2d(1, 1, 1)}), **chain}, []),
    ):
        network = Network.initialized(layers, (1, 2, 2), np.random.default_rng(0))
        assert empty(network) == []
        (name,) = [name for name in network.layout.weights if name.endswith("fc1")][:1]
        network.layout.weights[name].view(network.flat)[...] = 0
        assert empty(network) == found


WRONG = {"fc1": {"since": 1, "largest": 0.1, "threshold": "high"}}


@pytest.mark.parametrize(
    "value", [None, ["fc1"], {"fc1": 3}, {"fc1": {"since": 1}}, {"fc1": {"since": "1", "largest": 0.1}}, WRONG]
)
def test_a_damaged_record_is_refused(value):
    assert recorded({"epoch": 4}) == {}
    with pytest.raises(MinisglError, match=r"^history\.jsonl has invalid empty_layers for epoch 4: "):
        recorded({"epoch": 4, "empty_layers": value})
