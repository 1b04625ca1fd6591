"""A command that a message suggests can be copied into the shell, and does what the message says."""

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.commands import parsed, refused
from support.resuming import WORDS, run, without_figures

from minisgl import errors
from minisgl.config import options_to_repeat
from minisgl.errors import Interrupted, MinisglError
from minisgl.flags import Flags
from minisgl.formats import network_file
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training
from minisgl.training.resuming import changes


@pytest.fixture(autouse=True)
def no_figures() -> Iterator[None]:
    with without_figures():
        yield


def suggested(message: str) -> list[str]:
    """The words of the command that a message ends with, as the shell splits them."""
    command = message.strip().partition(": python -m minisgl.train ")[2]
    if sys.platform == "win32":  # there a backslash is no escape
        return [word.strip('"') for word in shlex.split(command, posix=False)]
    return shlex.split(command)


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_words_are_quoted_for_the_shell(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert errors.quoted("--resume", "runs/a") == "--resume runs/a"
    assert errors.quoted("my run", 3) == ("'my run' 3" if system == "linux" else '"my run" 3')


def test_the_command_to_resume_has_a_quoted_path(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "my run; it's $HOME"
    if sys.platform == "win32":
        pytest.skip("these names are for a POSIX shell")
    with monkeypatch.context() as patch:
        patch.setattr(Training, "run", stopping(Training.run))
        with pytest.raises(Interrupted) as interrupt:
            run([*WORDS, "--data", tiny], out)
    words = suggested(str(interrupt.value))
    assert words == ["--resume", str(out)]
    run(words)
    assert (out / "report.json").exists()


def stopping(training: Callable) -> Callable:
    """Training.run, stopped after its first step."""

    def stopped(*arguments: object, **options: object) -> None:
        training(*arguments, **{**options, "stop": lambda: True})

    return stopped


def test_names_to_repeat_are_quoted() -> None:
    config = parsed(["--epochs", "1"])
    config = type(config)(network="my module:build")
    assert options_to_repeat(config) == f" --network {errors.quoted('my module:build')}"


def test_other_options_with_resume_lead_to_a_new_run(
    whole: Path, tiny: Path, tmp_path: Path, command: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Path(shutil.copytree(whole, tmp_path / "old run"))
    options = ["--epochs", 3, "--threads", 1, "--batch-size", 50, "--optimizer", "sgd", "--no-nesterov"]
    options += ["--out", "new", "--data", tiny]
    done = command("minisgl.train", "--resume", old, *options)
    refused(
        done,
        "of which only --threads and --checkpoint-every can be changed: --batch-size and --data and --epochs and --nesterov",
        "this run is finished, and a new one can start from its weights: python -m minisgl.train --init",
    )
    words = suggested(done.stderr)
    assert words[:2] == ["--init", str(old / "model.safetensors")]
    assert words[2:].count("--no-nesterov") == 1
    monkeypatch.chdir(tmp_path)
    run(words)
    made = json.loads((tmp_path / "new" / "config.json").read_text())
    assert (made["epochs"], made["nesterov"], made["init"]) == (3, False, str(old / "model.safetensors"))


def test_an_unfinished_run_is_resumed_first(whole: Path, tmp_path: Path, command: Callable) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    (run / "report.json").unlink()
    done = command("minisgl.train", "--resume", "run", "--epochs", 50)
    refused(done, "resume without --epochs until the run is finished; then a new one can start from its weights: ")
    assert suggested(done.stderr) == ["--init", str(Path("run", "model.safetensors")), "--epochs", "50"]


def test_the_network_of_the_old_run_is_kept(whole: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "experiment": "shaky-curves"}))
    with pytest.raises(MinisglError) as refusal:
        changes(RunDirectory(run), Flags(threshold=(0.1, 0.2), init=Path("other")))
    assert suggested(str(refusal.value))[2:] == ["--experiment", "shaky-curves", "--threshold", "0.1", "0.2"]


def test_what_may_be_given_is_not_refused(whole: Path) -> None:
    given = Flags(resume=whole, threads=1, checkpoint_every=3, penalty="m:P", experiment="m:E", network="m:n")
    assert changes(RunDirectory(whole), given) == {"threads": 1, "checkpoint_every": 3}


def test_init_takes_no_checkpoint(whole: Path) -> None:
    """So the message does not suggest one."""
    network = network_file.read(whole / "model.safetensors")
    with pytest.raises(MinisglError, match="has the wrong arrays"):
        network_file.read_parameters(next((whole / "checkpoint").iterdir()), network)
