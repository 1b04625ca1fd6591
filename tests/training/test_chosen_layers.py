"""--sparse-layers and --group-layers: names, patterns and all, on a chain and on a tree; and what the report lists."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import parsed
from support.resuming import WORDS, run
from support.trees import tree

from minisgl.config import PenaltyConfig
from minisgl.errors import MinisglError
from minisgl.solver.splitting import Splitting
from minisgl.training.setup import make_splitting

WRN = [
    "conv1",
    *(f"stage{s}.{i}.{layer}" for s in (1, 2, 3) for i in (0, 1) for layer in ("conv1", "conv2")),
    *(f"stage{s}.0.shortcut" for s in (2, 3)),
    "fc",
]
EVERY = ["stage.conv", "branch.body.conv1", "branch.body.conv2", "branch.shortcut", "fc"]  # of the tree
FIRST = [f"stage{s}.{i}.conv1" for s in (1, 2, 3) for i in (0, 1)]
pytestmark = pytest.mark.usefixtures("no_figures")


def penalty(*sparse_layers: str) -> PenaltyConfig:
    return PenaltyConfig(sparse_layers=sparse_layers)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ((), WRN),
        (("all",), WRN),
        (("fc", "all"), WRN),
        (("*",), WRN),
        (("fc",), ["fc"]),
        (("fc", "conv1"), ["conv1", "fc"]),  # in the network's order
        (("stage*.*.conv1",), FIRST),
        (("stage[12].*.conv1",), FIRST[:4]),
        (("stage?.0.*", "stage3.1.conv1"), [name for name in WRN if ".0." in name or name == "stage3.1.conv1"]),
        (("conv1",), ["conv1"]),  # not those of the blocks
    ],
)
def test_names_and_patterns_choose_layers(chosen: tuple[str, ...], expected: list[str]) -> None:
    assert penalty(*chosen).sparse_among(WRN) == sorted(expected, key=WRN.index)


@given(st.lists(st.sampled_from(WRN), min_size=1))
def test_names_choose_themselves(names: list[str]) -> None:
    assert penalty(*names).sparse_among(WRN) == [name for name in WRN if name in names]


def test_a_name_with_brackets_is_found_as_a_name() -> None:
    assert penalty("conv[1]").sparse_among(["conv[1]", "fc"]) == ["conv[1]"]


def test_a_pattern_that_fits_nothing_is_refused_with_the_layers() -> None:
    with pytest.raises(MinisglError, match=r"^--sparse-layers names block\*, FC; the layers are conv1, fc$"):
        penalty("conv*", "block*", "FC").sparse_among(["conv1", "fc"])


@pytest.mark.parametrize("change", [{"penalty": "none"}, {"lam": 0.0}, {"penalty": "group-lasso"}])
def test_a_preset_with_other_names_is_no_obstacle_where_no_penalty_goes_by_them(change: dict) -> None:
    chosen = replace(penalty("stage*"), **change)
    assert chosen.sparse_among(["conv1", "fc"]) == []
    if change == {"penalty": "group-lasso"}:
        with pytest.raises(MinisglError, match="names stage"):
            replace(chosen, group_layers="sparse").sparse_among(["conv1", "fc"])


def acting(splitting: Splitting) -> tuple[list[str], list[str]]:
    """The layers with the group lasso, and those with an r."""
    names = {slot: name for name, slot in splitting.network.layout.weights.items()}
    return [names[slot] for slot in splitting.groups], [names[slot] for slot in splitting._sparse]


@pytest.mark.parametrize(
    ("words", "grouped", "sparse"),
    [
        ("", EVERY, EVERY),
        ("--sparse-layers *.conv1 fc", EVERY, ["branch.body.conv1", "fc"]),
        ("--sparse-layers *.conv1 fc --group-layers sparse", ["branch.body.conv1", "fc"], ["branch.body.conv1", "fc"]),
        ("--sparse-layers all --group-layers sparse", EVERY, EVERY),
        ("--sparse-layers fc --group-layers sparse --group-lam 0.1 --penalty group-lasso", ["fc"], []),
        ("--sparse-layers fc --group-layers sparse --v-group l0", [], ["fc"]),
        ("--sparse-layers fc --v-group l0", EVERY[:-1], ["fc"]),
    ],
)
def test_the_penalties_act_on_the_chosen_layers_of_a_tree(words: str, grouped: list[str], sparse: list[str]) -> None:
    assert acting(make_splitting(parsed(words.split()), tree())) == (grouped, sparse)


@pytest.mark.parametrize(
    ("words", "layers"),
    [("--sparse-layers conv2 fc*", ["conv2", "fc1", "fc2"]), ("--penalty none", []), ("--lam 0 --group-lam 1e-6", [])],
)
def test_the_report_lists_the_layers_with_an_r(words: str, layers: list[str], tiny, tmp_path) -> None:
    run([*WORDS, "--epochs", 1, *words.split(), "--data", tiny], tmp_path / "run")
    assert json.loads((tmp_path / "run" / "report.json").read_text())["penalised"] == layers
