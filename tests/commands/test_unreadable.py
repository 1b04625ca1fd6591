"""What another user may not read is refused with its name and the system's reason, and never as an output fault."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import refused
from support.resuming import posix
from support.unprivileged import close, needs_setpriv, run_restricted

DENIED = "cannot be read: Permission denied"
COMMANDS = {
    "train": ("--resume", "run"),
    "evaluate": ("run",),
    "classify": ("run", "--word", "hello"),
    "compress": ("run",),
}


@needs_setpriv
@pytest.mark.parametrize("module", COMMANDS)
@pytest.mark.parametrize("name", [".", "config.json", "report.json"])
def test_an_unreadable_part_of_a_run(name: str, module: str, whole: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    if module == "train":
        (run / "report.json").unlink()  # there is something to resume
        name = "checkpoint" if name == "report.json" else name
    close(run / name)
    done = run_restricted(f"minisgl.{module}", *COMMANDS[module], cwd=tmp_path)
    if module == "classify" and name == "config.json":
        refused(done, "run is a run of mnist-lenet5")  # it does not read the configuration
        return
    refused(done, DENIED, f"run/{'' if name == '.' else name}")


@needs_setpriv
def test_unreadable_data_and_pictures(whole: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    data = Path(shutil.copytree(tiny, tmp_path / "data"))
    (tmp_path / "seven.png").write_bytes(b"")
    close(tmp_path / "seven.png")
    refused(run_restricted("minisgl.evaluate", "run", "seven.png", cwd=tmp_path), f"seven.png {DENIED}")
    close(data / "t10k-labels-idx1-ubyte")
    refused(run_restricted("minisgl.train", "--data", "data", cwd=tmp_path), f"t10k-labels-idx1-ubyte {DENIED}")
    close(data)
    for words in (("minisgl.train", "--data", "data"), ("minisgl.evaluate", "run", "--data", "data")):
        refused(run_restricted(*words, cwd=tmp_path), f"t10k-images-idx3-ubyte.gz {DENIED}" if "run" in words else DENIED)
    refused(run_restricted("minisgl.sweep", "--data", "data", "--holdout", 10, cwd=tmp_path), DENIED)


@needs_setpriv
def test_an_unreadable_folder_for_output(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "data")
    (tmp_path / "out").mkdir()
    close(tmp_path / "out")
    refused(run_restricted("minisgl.train", "--data", "data", "--out", "out", cwd=tmp_path), f"out {DENIED}")
    refused(run_restricted("minisgl.sweep", "--draw", "out/results.jsonl", cwd=tmp_path), f"out/results.jsonl {DENIED}")


@needs_setpriv
def test_students_whose_folders_cannot_be_read_are_not_graded(tmp_path: Path) -> None:
    pytest.importorskip("nbval")
    for name in ("ada", "emmy"):
        (tmp_path / "class" / name / "week 1").mkdir(parents=True)
    close(tmp_path / "class" / "emmy" / "week 1")
    done = run_restricted("minisgl.grade", "class", cwd=tmp_path)
    refused(done, f"week 1 {DENIED}")
    assert not (tmp_path / "grades.csv").exists()


@posix
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.symlink_to("gone"), "cannot be read: it is a link to gone, which does not exist"),
        (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("name", ["config.json", "history.jsonl"])
def test_other_things_in_place_of_a_file(  # noqa: PLR0917
    name: str, damage: Callable[[Path], None], sentence: str, command: Callable, whole: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    (run / "report.json").unlink()
    (run / name).unlink()
    damage(run / name)
    done = command("minisgl.train", "--resume", "run")
    if (run / name).is_dir() and name == "config.json":
        refused(done, "run holds no run: it has no config.json")
    else:
        refused(done, f"{Path('run', name)} {sentence}")
