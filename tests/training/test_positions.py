"""Checkpoints with a position that no run can be in, and histories with fewer epochs than the checkpoint."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from support.resuming import assert_same, run

import minisgl
from minisgl.errors import MinisglError
from minisgl.formats import files
from minisgl.training import history
from minisgl.training.position import Extent, Position, impossible, outside

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def unfinished(whole: Path, tmp_path: Path) -> Path:
    """A copy of the run of 2 epochs of 8 steps of 50 images, with its checkpoints after steps 8 and 16 and no result."""
    shutil.copytree(whole, tmp_path / "run")
    for name in ("report.json", "model.safetensors"):
        (tmp_path / "run" / name).unlink()
    return tmp_path / "run"


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Write a checkpoint again with other notes, and the checksum that fits."""
    arrays, notes = safetensors.numpy.load_file(path), files.read_notes(path)
    del notes["checksum"]
    edit(notes)
    files.write_arrays(path, arrays, notes)


WRONG = [
    ({"epoch": 10**6}, "its epoch must be at most 2, but is 1000000"),
    ({"epoch": 3}, "its epoch must be at most 2, but is 3"),
    ({"step": 1, "seen": 50}, "its step must be at most 0 after 2 epochs, but is 1"),
    ({"epoch": 1, "step": 8, "seen": 400}, "its step must be at most 7 after 1 epochs, but is 8"),
    ({"epoch": 1, "step": 10**9}, "its step must be at most 7 after 1 epochs, but is 1000000000"),
    ({"epoch": 1, "step": 3, "seen": 151}, "its seen must be 150, but is 151"),
    ({"epoch": 1}, "its steps must be 8, but is 16"),
    ({"wrong": 1}, "its wrong must be at most the 0 images seen, but is 1"),
    ({"loss_sum": 1.5}, "its loss_sum must be from 0 to 0, but is 1.5"),
    ({"epoch": 1, "step": 3, "seen": 150, "loss_sum": -1.0}, r"its loss_sum must be from 0 to 5\.\d+e\+40, but is -1.0"),
    ({"epoch": 1, "step": 3, "seen": 150, "loss_sum": 1e300}, r"its loss_sum must be from 0 to 5\.\d+e\+40, but is 1e\+300"),
    ({"seconds": -1.0}, r"its seconds must be a finite number >= 0, but is -1\.0"),
    ({"seconds": 10**400}, "it has no position in the run"),
    ({"seconds": "1"}, "it has no position in the run"),
    ({"environments": ["here"]}, "it has no position in the run"),
    ({"surprise": 1}, "it has no position in the run"),
]


@pytest.mark.parametrize(("fields", "sentence"), WRONG, ids=[str(fields) for fields, _ in WRONG])
def test_a_position_that_no_run_has_is_damage(fields, sentence, unfinished, tmp_path):
    older, newest = sorted((unfinished / "checkpoint").iterdir())
    change(newest, lambda notes: notes["position"].update(fields))
    alone = shutil.copytree(unfinished, tmp_path / "alone")
    (alone / "checkpoint" / older.name).unlink()
    with pytest.raises(MinisglError, match=sentence):
        run(["--resume", alone])


def test_a_loss_that_is_not_a_number_is_damage(unfinished):
    older, newest = sorted((unfinished / "checkpoint").iterdir())
    older.unlink()
    content = newest.read_bytes()
    newest.write_bytes(content.replace(b'\\"loss_sum\\": 0.0', b'\\"loss_sum\\": NaN'))
    with pytest.raises(MinisglError, match="NaN is not a JSON number"):
        run(["--resume", unfinished])
    assert "loss_sum must be from 0" in impossible(Position(1, 1, math.inf, 0, 50))


def test_the_checkpoint_before_one_with_such_a_position_is_used(unfinished, whole):
    change(max((unfinished / "checkpoint").iterdir()), lambda notes: notes["position"].update(epoch=10**6))
    run(["--resume", unfinished])
    assert_same(unfinished, whole)


numbers = st.integers(0, 30) | st.integers(0, 10**30)


@given(epoch=numbers, step=numbers, seen=numbers, wrong=numbers, steps=numbers)
def test_every_position_that_is_accepted_can_be_continued(epoch, step, seen, wrong, steps):
    extent = Extent(epochs=3, images=405, batch_size=50)
    position = Position(epoch, step, 0.0, wrong, seen)
    if impossible(position) is None and outside(position, steps, extent) is None:
        assert steps == epoch * 9 + step <= 27
        assert step < 9
        assert wrong <= seen == 50 * step


@given(epoch=st.integers(0, 2), step=st.integers(0, 8), loss=st.floats(0, 3e38), seconds=st.floats(0, 1e300))
def test_every_position_of_a_run_is_accepted(epoch, step, loss, seconds):
    position = Position(epoch, step, loss * 50 * step, 50 * step, 50 * step, seconds)
    assert impossible(position) is None
    assert outside(position, epoch * 9 + step, Extent(epochs=3, images=405, batch_size=50)) is None


# ---- histories that are too short


def test_after_a_lost_line_the_checkpoint_before_it_is_used(unfinished, whole):
    path = unfinished / "history.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    run(["--resume", unfinished])
    assert_same(unfinished, whole)


@pytest.mark.parametrize("content", [b"", b"{\n", b'{"epoch": 2}\n', b"[]\n[]\n", b'{"epoch": 1}'])
def test_without_the_lines_of_any_checkpoint_it_is_refused(content, unfinished):
    (unfinished / "history.jsonl").write_bytes(content)
    before = sorted(unfinished.rglob("*"))
    sentence = (
        r"000008\.safetensors was written after epoch 1, but .*history\.jsonl has the records of 0 epochs only: "
        "restore the whole file, or train the run again"
    )
    with pytest.raises(MinisglError, match=sentence):
        run(["--resume", unfinished])
    assert sorted(unfinished.rglob("*")) == before
    assert (unfinished / "history.jsonl").read_bytes() == content


def test_without_a_history_it_is_refused(unfinished):
    (unfinished / "history.jsonl").unlink()
    with pytest.raises(MinisglError, match="has the records of 0 epochs only"):
        run(["--resume", unfinished])


@pytest.mark.parametrize("content", [None, b"", b'{"epoch": 1}\n{\n', b'{"epoch": 2}\n', b"\xff\n"])
def test_the_damaged_history_of_a_finished_run_is_a_sentence(content, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    path = tmp_path / "run" / "history.jsonl"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(MinisglError, match=r"must have a line for each epoch, but line [12] is missing or damaged"):
        minisgl.Run.open(tmp_path / "run").history  # noqa: B018


def test_a_whole_history_is_read(whole):
    assert [record["epoch"] for record in minisgl.Run.open(whole).history] == [1, 2]
    assert history.recorded_epochs(whole / "history.jsonl") == 2
    assert json.loads((whole / "report.json").read_text())["epochs"] == 2
