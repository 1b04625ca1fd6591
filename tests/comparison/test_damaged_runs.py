"""A finished run with a damaged file is a failure with its cause, or a result that can be written. The other run goes on."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from support.commands import run_module
from support.digits import write_digits
from support.fuzz import with_other_types
from support.resuming import without_figures
from support.sweeps import run

from minisgl.comparison import engines, results
from minisgl.comparison.grid import Entry
from minisgl.comparison.results import Failure, Result
from minisgl.data.mnist import Digits
from minisgl.sweep import SweepConfig, _entries

READ = ("config.json", "report.json", "history.jsonl", "model.safetensors")
OF_EACH_KIND = 6  # of the many contents


@pytest.fixture(scope="module")
def grid_of_two(tmp_path_factory: pytest.TempPathFactory, digits: tuple[Digits, Digits]) -> SweepConfig:
    """Two finished runs, l0 and tl1, on 200 digits. There is no results.jsonl."""
    folder = tmp_path_factory.mktemp("two")
    write_digits(folder, "train", digits[0][:300])
    write_digits(folder, "t10k", digits[1][:100])
    config = SweepConfig(
        methods=("l0", "tl1"),
        regimes=("continuation",),
        seeds=1,
        epochs=2,
        holdout=100,
        data=folder,
        out=folder / "grid",
        jobs=1,
    )
    with without_figures():
        assert all(isinstance(results.make(entry), Result) for entry in _entries(config))
    return config


@pytest.fixture
def entry(grid_of_two: SweepConfig) -> Iterator[Entry]:
    """The first run's entry. The run's directory is restored at the end."""
    first = _entries(grid_of_two)[0]
    copy = first.out.with_name("copy")
    shutil.copytree(first.out, copy)
    yield first
    shutil.rmtree(first.out)
    copy.rename(first.out)


def damages(content: bytes, rng: random.Random) -> Iterator[bytes]:
    """Contents in place of a file's: truncated, other bytes, and, for JSON, values of other types."""
    yield from (b"", b"\0" * 100, b"{", b"null\n", b"[" * 100_000, b'"\xff"', rng.randbytes(len(content)))
    for _ in range(OF_EACH_KIND):
        yield content[: rng.randrange(len(content))]
        at = rng.randrange(len(content))
        yield content[:at] + rng.randbytes(8) + content[at + 8 :]
    with suppress(ValueError):
        text = content.decode()
        *before, last = text.splitlines() if text.count("\n{") else [text]
        for changed in rng.sample(list(with_other_types(json.loads(last))), OF_EACH_KIND):
            yield "\n".join([*before, json.dumps(changed)]).encode()


@pytest.mark.parametrize("name", READ)
def test_a_damaged_run_is_a_failure_or_a_result_that_can_be_written(name: str, entry: Entry, tmp_path: Path) -> None:
    path, refused = entry.out / name, 0
    content = path.read_bytes()
    for damaged in damages(content, random.Random(name)):
        path.write_bytes(damaged)
        outcome = results.make(entry)
        if isinstance(outcome, Failure):
            refused += 1
            assert str(entry.out) in outcome.reason, (outcome.reason, damaged[:200])
            assert "\n" not in outcome.reason
        else:
            results.write(tmp_path / "results.jsonl", [outcome])
            assert results.read(tmp_path / "results.jsonl") == [outcome]
    assert refused >= 10


@pytest.mark.parametrize("name", READ)
def test_the_other_run_goes_on(name: str, grid_of_two: SweepConfig, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "processes", lambda jobs: nullcontext(map))
    (entry.out / name).write_bytes(b"damaged")
    failed, printed = run(grid_of_two)
    assert failed == 1
    assert [line.split()[1] for line in printed.splitlines() if "failed: " in line] == ["l0"]
    assert [result.method for result in results.read(grid_of_two.out / "results.jsonl")] == ["tl1"]
    (grid_of_two.out / "results.jsonl").unlink()


def test_a_damaged_checkpoint_of_a_finished_run_is_not_read(entry: Entry) -> None:
    for checkpoint in (entry.out / "checkpoint").iterdir():
        checkpoint.write_bytes(b"damaged")
    assert isinstance(results.make(entry), Result)


def test_the_command_ends_with_one_failure_and_status_1(grid_of_two: SweepConfig, entry: Entry, tmp_path: Path) -> None:
    (entry.out / "report.json").write_text("[1, 2]")
    words = ["--methods", "l0", "tl1", "--regimes", "continuation", "--seeds", 1, "--epochs", 2, "--holdout", 100]
    done = run_module("minisgl.sweep", *words, "--data", grid_of_two.data, "--out", grid_of_two.out, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "minisgl: 1 of the runs failed; the same command tries them again\n")
    assert f"failed: {entry.out / 'report.json'} is not a run's report" in done.stdout
    assert [result.method for result in results.read(grid_of_two.out / "results.jsonl")] == ["tl1"]
    (grid_of_two.out / "results.jsonl").unlink()
