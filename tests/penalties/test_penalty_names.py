"""Every penalty by its name on the command line: what it builds, and what is refused."""

from dataclasses import MISSING, fields
from typing import Any

import numpy as np
import pytest
from support.commands import parsed

from minisgl import penalties as pen
from minisgl.config import changed
from minisgl.errors import MinisglError
from minisgl.experiments import preset
from minisgl.models import lenet5
from minisgl.penalties.names import NAMES, lam_cancels, make_r, parse_options
from minisgl.solver.splitting import Splitting
from minisgl.training.setup import make_splitting

SHAPE, AXIS = (50, 20, 5, 5), 0


def splitting(*words: str) -> Splitting:
    return make_splitting(parsed(words), lenet5(np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("name", "options", "built"),
    [
        ("l1", {}, pen.L1(0.5)),
        ("l0", {}, pen.L0(0.5)),
        ("tl1", {}, pen.TransformedL1(0.5, 1.0)),
        ("tl1", {"a": 2.0}, pen.TransformedL1(0.5, 2.0)),
        ("l1-l2", {"alpha": 0.5}, pen.L1MinusL2(0.5, 0.5)),
        ("scad", {"a": 3.0}, pen.SCAD(0.5, 3.0)),
        ("mcp", {"gamma": 2.0}, pen.MCP(0.5, 2.0)),
        ("lp", {}, pen.Lp(0.5, 0.5)),
        ("lp", {"p": 0.3}, pen.Lp(0.5, 0.3)),
        ("capped-l1", {"theta": 0.2}, pen.CappedL1(0.5, 0.2)),
        ("log-sum", {"eps": 0.2}, pen.LogSum(0.5, 0.2)),
    ],
)
def test_a_name_and_its_options_build_the_class(name: str, options: dict, built: object) -> None:
    assert make_r(name, 0.5, options, SHAPE, AXIS) == built


@pytest.mark.parametrize("cls", NAMES.values(), ids=NAMES)
def test_a_class_lists_its_options_with_its_own_defaults_where_it_has_some(cls: Any) -> None:
    own = {field.name: field.default for field in fields(cls) if field.name not in ("lam", "groups", "size")}
    assert NAMES[cls.name] is cls
    assert set(cls.options) == set(own)
    assert all(own[option] in (value, MISSING) for option, value in cls.options.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_class_says_whether_it_shrinks_what_it_keeps(name: str) -> None:
    r = make_r(name, 0.5, {}, (2, 2), AXIS)
    v = np.array([[1e4, -2e4], [3e4, 4e4]])
    x = r.prox(v, 0.5)
    assert x.all()
    if NAMES[name].shrinks:
        assert (np.abs(x) < np.abs(v)).all()
    else:
        np.testing.assert_array_equal(x, v)


@pytest.mark.parametrize("name", NAMES)
def test_lam_cancels_where_the_threshold_is_chosen_for_all_but_scad_and_mcp(name: str) -> None:
    v = np.random.default_rng(0).normal(size=(6, 5, 3, 3))
    small, large = (r.prox(v, r.step_for(0.3)) for lam in (0.01, 0.2) for r in [make_r(name, lam, {}, v.shape, 0)])
    assert np.allclose(small, large, rtol=1e-9, atol=1e-12) == lam_cancels(name)


def test_group_l0_takes_its_threshold_as_a_groups_root_mean_square() -> None:
    r = make_r("group-l0", 0.5, {}, SHAPE, AXIS)
    v = np.random.default_rng(0).standard_normal(SHAPE)
    rms = np.sqrt((v**2).mean(axis=(1, 2, 3)))
    kept = r.prox(v, r.step_for(float(np.median(rms))))
    np.testing.assert_array_equal((kept != 0).any(axis=(1, 2, 3)), rms > np.median(rms))


def test_options_are_read_as_name_and_number() -> None:
    assert parse_options(("a=1.5", "p=3e-1")) == {"a": 1.5, "p": 0.3}
    for word in ("a", "a=", "=1", "a=one", "a b=1"):
        with pytest.raises(MinisglError, match=f"NAME=NUMBER, like a=1.0, but is {word}"):
            parse_options((word,))


@pytest.mark.parametrize(("penalty", "v_group"), [("l1", "lasso"), ("l0", "lasso"), ("l0", "l0"), ("tl1", "l0")])
def test_with_the_group_term_in_the_v_step_whole_groups_vanish(penalty: str, v_group: str) -> None:
    options = ["--lam", "4e-7", "--group-lam", "3.6e-5"]  # a group goes below a length of 0.4 (l0: 0.9), of 1.1 and 0.1
    split = splitting("--penalty", penalty, "--v-group", v_group, "--preset", "paper", "--beta", "0.002", *options)
    slot = split.network.layout.weights["fc1"]
    slot.view(split.network.flat)[:, :400] *= 0.1  # 400 weak input neurons, 400 strong ones
    split.v_step(0.002)
    columns = (slot.view(split.v) != 0).any(axis=0)
    assert not columns[:400].any()
    assert columns[400:].all()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--penalty", "l7"], "must be one of none, group-lasso, l1, .*, or module:Class, but is l7"),
        (
            ["--penalty", "nowhere:Penalty"],
            "nowhere:Penalty cannot be imported: .*: No module named 'nowhere'",
        ),
        (["--penalty", "math:Penalty"], "math:Penalty cannot be imported: .*'Penalty'"),
        (["--penalty", "l0", "--penalty-option", "a=1"], "penalty l0 with {'a': 1.0} is not possible: .*'a'"),
        (["--penalty", "tl1", "--penalty-option", "a=-1"], r"a must be a number from 1e-30 to 1e30, but is -1\.0"),
        (["--penalty", "lp", "--penalty-option", "p=1"], r"p must be above 0 and below 1, but is 1\.0"),
        (["--penalty", "group-l0", "--penalty-option", "a=1"], "group-l0 has no options, but got a"),
        (["--penalty", "tl1", "--v-group", "lasso"], "--v-group lasso has an exact V-step for l1 and l0 only, not for tl1"),
        (["--penalty", "l1-l2", "--v-group", "l0"], "for separable penalties only, not for l1-l2"),
        (["--penalty", "none", "--v-group", "l0"], "--v-group l0 needs an r with lam > 0, and penalty none has no r"),
        (["--penalty", "l0", "--lam", "0", "--v-group", "l0"], "needs an r with lam > 0"),
        (["--penalty", "l9", "--lam", "0"], "but is l9"),
    ],
)
def test_what_is_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(MinisglError, match=sentence):
        splitting(*words)


def test_quick_has_a_gentle_threshold_for_what_shrinks_its_survivors() -> None:
    assert preset(penalty="l0") == preset("quick")
    for name in ("l1", "tl1", "l1-l2"):
        regime = preset(penalty=name).regime
        assert (regime.threshold, regime.beta_rise) == ((0.005,), 1.0)
    assert preset("paper", penalty="l1") == changed(preset("paper"), {"penalty": "l1"})


def test_a_preset_has_a_penalty_of_its_own_unless_another_is_named() -> None:
    assert parsed(["--preset", "small"]) == preset("small")
    assert (preset("small").penalty.penalty, preset("small").preset) == ("group-l0", "small")
    assert parsed(["--preset", "small", "--penalty", "l0"]) == changed(preset("small"), {"penalty": "l0"})
    assert parsed(["--preset", "sparse"]) == preset("sparse")
    assert parsed([]) == preset("quick") == preset(penalty="l0")


@pytest.mark.parametrize("penalty", ["none", "group-lasso"])
def test_options_of_no_r_are_refused(penalty: str) -> None:
    with pytest.raises(MinisglError, match=f"penalty {penalty} has no options, but got a"):
        splitting("--penalty", penalty, "--penalty-option", "a=1")


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(MinisglError, match="names an option twice: a=1 a=2"):
        splitting("--penalty", "tl1", "--penalty-option", "a=1", "a=2")
