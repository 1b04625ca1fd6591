"""docs/penalties.md, "Add your own penalty": its code is that of docs/elastic_net.py, its prox is right, and it trains."""

import json
import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.nn.optimizers import SGD
from minisgl.penalties import GroupL0With, Separable
from minisgl.penalties.names import make_r
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.testing import check_prox

DOCS = Path(__file__).parents[2] / "docs"
ElasticNet = runpy.run_path(str(DOCS / "elastic_net.py"))["ElasticNet"]
BOTH = [(lam, ridge) for lam in (0.1, 0.7) for ridge in (0, 0.5, 3)]


def objective(lam, ridge, step, x, v):
    return step * lam * (np.abs(x) + ridge / 2 * x**2) + (x - v) ** 2 / 2


def test_the_page_shows_the_file_verbatim():
    section = (DOCS / "penalties.md").read_text(encoding="utf-8").split("## Add your own penalty")[1]
    first = re.search(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert first is not None
    assert first[1] == (DOCS / "elastic_net.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("lam", "ridge"), BOTH)
@pytest.mark.parametrize("step", [0.2, 1, 5])
def test_brute_force_finds_nothing_lower(lam, ridge, step):
    penalty, v = ElasticNet(lam, ridge), np.linspace(-4, 4, 161)
    low, high = np.full(v.shape, -4.0), np.full(v.shape, 4.0)
    least, rows = objective(lam, ridge, step, 0, v), np.arange(len(v))
    for _ in range(9):  # each round 20 times finer
        x = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 41)
        costs = objective(lam, ridge, step, x, v[:, None])
        best = costs.argmin(axis=1)
        least = np.minimum(least, costs.min(axis=1))
        low, high = x[rows, np.maximum(best - 1, 0)], x[rows, np.minimum(best + 1, 40)]
    here = penalty.prox(v, step)
    assert np.allclose(objective(lam, ridge, step, here, v), least, rtol=0, atol=1e-12)
    assert np.allclose(here, (low + high) / 2, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("lam", "ridge"), BOTH)
def test_it_keeps_what_the_interface_promises(lam, ridge):
    penalty = ElasticNet(lam, ridge)
    assert isinstance(penalty, Separable)
    for t in (0.01, 1):
        step = penalty.step_for(t)
        assert penalty.threshold(step) == pytest.approx(t, rel=1e-12)
        assert not penalty.prox(np.array([-t, 0, 0.5 * t]) * (1 - 1e-12), step).any()
        assert penalty.prox(np.array([t, -t]) * 1.001, step).all()
    w = np.array([[1, -2], [0, 0.5]], np.float32)
    assert penalty.value(w) == pytest.approx(lam * (3.5 + ridge / 2 * 5.25), rel=1e-6)
    x = penalty.prox(w, 1.0)
    assert x.dtype == np.float32
    out, before = np.empty_like(w), w.copy()
    assert penalty.prox(w, 1.0, out=out) is out
    assert np.array_equal(out, x)
    assert np.array_equal(w, before)
    assert penalty.prox(w, 1.0, out=w) is w
    assert np.array_equal(w, x)


def test_brute_force_finds_no_fault_in_it():
    check_prox(ElasticNet(0.3, 0.5))


def test_a_prox_that_does_not_fit_its_value_trains_with_a_warning(command, small, tmp_path):
    (tmp_path / "wrong.py").write_text(
        "from minisgl.penalties import L0, L1\n\n\n"
        "class Hard(L1):\n"
        "    def prox(self, v, step, out=None):\n"
        "        return L0(self.lam).prox(v, step, out)\n"
    )
    words = ["--penalty", "wrong:Hard", "--epochs", 1, "--data", small, "--threads", 1]
    done = command("minisgl.train", *words)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()  # once, and not for each layer
    assert re.match(r"minisgl: --penalty wrong:Hard: your prox is beaten at v = \[\[.*; at .* it is ", line)


def test_on_top_of_it_group_l0_works():
    penalty, v = GroupL0With(ElasticNet(0.1, 0.5), 0.3, 0), np.array([[2.0, -1], [0.3, 0.2]])
    x = penalty.prox(v, 1.0)
    assert np.array_equal(x[0], ElasticNet(0.1, 0.5).prox(v, 1.0)[0])
    assert not x[1].any()


WORDS = ["--penalty", "elastic_net:ElasticNet", "--epochs", 1, "--threshold", 0.01, "--beta-rise", 1]


@pytest.mark.parametrize("more", [[], ["--v-group", "l0"]], ids=["alone", "with group l0"])
def test_it_trains(command, small, tmp_path, more):
    shutil.copy(DOCS / "elastic_net.py", tmp_path)
    done = command("minisgl.train", *WORDS, "--penalty-option", "ridge=0.5", "--data", small, *more)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["penalty"] == "elastic_net:ElasticNet"
    assert json.loads((run / "report.json").read_text(encoding="utf-8"))["v"]["weight_sparsity"] > 10


def test_an_option_it_does_not_have_is_refused(command, small, tmp_path):
    shutil.copy(DOCS / "elastic_net.py", tmp_path)
    done = command("minisgl.train", *WORDS, "--penalty-option", "rigde=0.5", "--data", small)
    assert done.returncode == 2
    assert "rigde" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


BROKEN = {
    "no class": ("", "cannot be imported: AttributeError"),
    "syntax": ("class Mine(:", "cannot be imported: SyntaxError"),
    "a name that is not there": ("Mine = NotThere", "cannot be imported: NameError"),
    "a function": ("def Mine(lam): return lam", "must have value, prox and step_for"),
    "no out": (
        "class Mine:\n"
        "    def __init__(self, lam): pass\n"
        "    def value(self, w): return 0.0\n"
        "    def step_for(self, threshold): return 1.0\n"
        "    def prox(self, v, step): return v.copy()\n",
        "fails on 12 numbers: TypeError",
    ),
    "another shape": (
        "class Mine:\n"
        "    def __init__(self, lam): pass\n"
        "    def value(self, w): return 0.0\n"
        "    def step_for(self, threshold): return 1.0\n"
        "    def prox(self, v, step, out=None): return v[0]\n",
        r"a prox of shape \(4,\)",
    ),
    "it writes into v": (
        "class Mine:\n"
        "    def __init__(self, lam): pass\n"
        "    def value(self, w): return 0.0\n"
        "    def step_for(self, threshold): return 1.0\n"
        "    def prox(self, v, step, out=None): v *= 0; return v\n",
        "writes into the array v that it gets",
    ),
}


@pytest.mark.parametrize(("code", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_one_is_refused_before_anything_is_written(code, sentence, tmp_path, monkeypatch):
    module = f"mine_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MinisglError, match=sentence):
        make_r(f"{module}:Mine", 1e-6, {}, (5, 6), 1)


def test_a_prox_that_gives_an_array_of_its_own_is_taken_too():
    class Own(ElasticNet):
        def prox(self, v, step, out=None):
            return super().prox(v, step)

    network = lenet5(np.random.default_rng(0), units=(2, 3, 4, 5))
    terms = {name: LayerPenalty(None, Own(0.01)) for name in network.layout.weights}
    splitting = Splitting(network, SGD(network.flat), terms)
    splitting.v_step(0.2)
    assert 0 < np.count_nonzero(splitting.v) < splitting.v.size
    assert np.array_equal(splitting.v, ElasticNet(0.01).prox(network.weights, 5.0))
