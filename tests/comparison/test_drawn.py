"""A file of results: its lines are read or refused, and a table and a figure are made from them without training."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support.sweeps import made_up, run

from minisgl.comparison import results, tables
from minisgl.errors import MinisglError
from minisgl.sweep import SweepConfig


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, r"nowhere\.jsonl cannot be read"),
        ({"seeds": 5, "jobs": 4}, "--draw trains nothing and does not use --seeds, --jobs"),
    ],
)
def test_what_cannot_be_drawn(changes, words, tmp_path):
    with pytest.raises(MinisglError, match=words):
        run(SweepConfig(draw=Path("nowhere.jsonl"), out=tmp_path / "drawn", **changes))
    assert not (tmp_path / "drawn").exists()


def test_a_file_of_results_is_drawn(tmp_path):
    results.write(tmp_path / "results.jsonl", [made_up(seed) for seed in (2, 0, 1)])
    assert [result.seed for result in results.read(tmp_path / "results.jsonl")] == [0, 1, 2]
    failed, printed = run(SweepConfig(draw=tmp_path / "results.jsonl", out=tmp_path / "drawn"))
    assert failed == 0
    assert "0.50-0.70" in printed
    table = (tmp_path / "drawn" / "table.md").read_text()
    assert "| l0 | continuation | 3 | 0.70 (0.70-0.70) | 0.60 (0.50-0.70) | 96.00 (96.00-96.00) | 600 (600-600) |" in table
    assert "12 epochs, including a refit of 2.\n" in table
    assert (tmp_path / "drawn" / "pareto.png").read_bytes().startswith(b"\x89PNG")


def test_a_mean_is_only_given_where_every_run_has_the_number(tmp_path):
    results.write(tmp_path / "results.jsonl", [made_up(0), made_up(1, flops=None, units=None)])
    run(SweepConfig(draw=tmp_path / "results.jsonl", out=tmp_path / "drawn"))
    table = (tmp_path / "drawn" / "table.md").read_text()
    assert "| l0 | continuation | 2 | 0.70 (0.70-0.70) | 0.55 (0.50-0.60) | 96.00 (96.00-96.00) | - |" in table
    assert not (tmp_path / "drawn" / "pareto.png").exists()


def test_the_table_says_whose_images_were_shifted(tmp_path):
    shifted = replace(made_up(0, config={"epochs": 9, "refit": 1, "shift": 2}), method="small", regime="preset")
    results.write(tmp_path / "results.jsonl", [made_up(0), shifted])
    assert run(SweepConfig(draw=tmp_path / "results.jsonl", out=tmp_path / "drawn"))[0] == 0
    notes = (tmp_path / "drawn" / "table.md").read_text().splitlines()[-2:]
    assert notes == [
        "continuation: 12 epochs, including a refit of 2.",
        "small: 9 epochs, including a refit of 1. Its training images are shifted by up to 2 px.",
    ]


def test_runs_with_the_same_sparsity_have_a_figure_of_their_errors(tmp_path):
    config = {"epochs": 8, "refit": 1, "shift": 4, "flip": True, "sparsity": 0.9, "sparse_layers": ["conv4", "block2.conv?"]}
    runs = [made_up(seed, config=config) for seed in (0, 1)]
    runs += [replace(run, method="magnitude") for run in runs]
    results.write(tmp_path / "results.jsonl", runs)
    failed, printed = run(SweepConfig(draw=tmp_path / "results.jsonl", out=tmp_path / "drawn"))
    assert failed == 0
    assert "96.00-96.00" in printed
    assert "…" not in printed  # each number fits
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"table.md", "errors.png"}
    (note,) = (tmp_path / "drawn" / "table.md").read_text().splitlines()[-1:]
    assert note == (
        "continuation: 8 epochs, including a refit of 1. Its training images are shifted by up to 4 px and mirrored. "
        "90 % of the weights of conv4, block2.conv? are zero."
    )
    for other in (replace(runs[0], regime="paper"), replace(runs[0], config={**config, "sparsity": 0.95})):
        assert tables.same_zeros([*runs, other]) is None
    assert tables.same_zeros([made_up(0)]) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2, is not JSON"),
        ("[1]", "line 2, is not the result"),
        ('{"method": "l0"}', "line 2, is not the result of a run: it must have method, regime"),
        ({"method": "l7"}, "line 2, has an invalid method: 'l7'"),
        ({"test_error": float("nan")}, "line 2, has an invalid test_error: nan"),
        ({"flops": -1}, "line 2, has an invalid flops: -1"),
        ({"weights_left": 10**300, "zeros": 99.99999999999999}, "line 2, has an invalid weights_left: 1000"),
        ({"units": "many"}, "line 2, has an invalid units: 'many'"),
    ],
)
def test_a_file_with_another_line_is_refused(line, words, tmp_path):
    good = asdict(made_up(0))
    bad = line if isinstance(line, str) else json.dumps({**good, **line})
    (tmp_path / "results.jsonl").write_text(f"{json.dumps(good)}\n{bad}\n")
    with pytest.raises(MinisglError, match=words):
        results.read(tmp_path / "results.jsonl")
