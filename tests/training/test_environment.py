"""Where a run was trained: recorded in checkpoints and reports, and named when a run is resumed somewhere else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.numpy
from support.resuming import assert_same, run

import minisgl
from minisgl.errors import MinisglWarning
from minisgl.formats import files
from minisgl.training.environment import continued, environment, warn_if_changed

pytestmark = pytest.mark.usefixtures("no_figures")


def unfinished(whole: Path, out: Path) -> Path:
    """A copy of a finished run as it was when its first of two epochs had ended."""
    shutil.copytree(whole, out)
    for path in (out / "report.json", out / "model.safetensors", max((out / "checkpoint").iterdir())):
        path.unlink()
    return out


def child(words: list[object], kernel: str) -> subprocess.CompletedProcess[str]:
    """Python in another process, with another kernel of OpenBLAS."""
    variables = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    words = [sys.executable, "-W", "error", *map(str, words)]
    return subprocess.run(words, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


@pytest.fixture(scope="module")
def other_kernel() -> tuple[str, str]:
    """OPENBLAS_CORETYPE for another kernel than this process has, and the name that the library then gives it."""
    code = "from minisgl.training.environment import environment as e; print(e()['blas_kernel'])"
    for kernel in ("Haswell", "Nehalem", "Prescott"):
        found = child(["-c", code], kernel).stdout.strip()
        if found not in ("", "unknown", environment()["blas_kernel"]):
            return kernel, found
    pytest.skip(f"OPENBLAS_CORETYPE changes no kernel: NumPy has {environment()['blas']}")


def test_resumed_with_another_kernel_it_names_both(other_kernel, whole, tmp_path):
    out, here = unfinished(whole, tmp_path / "run"), environment()
    kernel, name = other_kernel
    done = child(["-m", "minisgl.train", "--resume", out], kernel)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"minisgl: the environment has changed since the checkpoint of {out}, so the result may differ from that of an "
        f"uninterrupted run: blas kernel: {here['blas_kernel']} before, {name} now\n"
    )
    report = json.loads((out / "report.json").read_text())
    assert report["versions"] == {**here, "blas_kernel": name}
    assert report["earlier_versions"] == [here]


def test_resumed_in_the_same_environment_it_says_nothing(whole, tmp_path):
    out = unfinished(whole, tmp_path / "run")
    run(["--resume", out])  # a warning would be an error
    assert_same(out, whole)


def test_a_checkpoint_that_does_not_say_where_it_was_made_goes_on(whole, tmp_path):
    out = unfinished(whole, tmp_path / "run")
    (path,) = (out / "checkpoint").iterdir()
    arrays, notes = safetensors.numpy.load_file(path), files.read_notes(path)
    del notes["position"]["environments"], notes["checksum"]
    files.write_arrays(path, arrays, notes)
    run(["--resume", out])
    assert_same(out, whole)


def test_every_change_is_named_once():
    then = {"numpy": "2.0.0", "python": "3.12.0", "blas": "openblas 0.3.27"}
    now = {"numpy": "2.4.6", "python": "3.12.0", "cupy": "14.0.0"}
    sentence = "numpy: 2.0.0 before, 2.4.6 now; blas: openblas 0.3.27 before, unknown now; cupy: unknown before, 14.0.0 now"
    with pytest.warns(MinisglWarning, match=f"^the environment has changed since the checkpoint of run, .*: {sentence}$"):
        warn_if_changed(Path("run"), [now, then], now)
    warn_if_changed(Path("run"), [then, now], now)
    warn_if_changed(Path("run"), [], now)
    assert continued([], now) == (now,)
    assert continued([then], now) == continued([then, now], now) == (then, now)


def test_on_a_gpu_it_is_cupy_and_the_gpu_that_count():
    runtime = SimpleNamespace(getDeviceProperties=lambda number: {"name": b"A GPU"}, runtimeGetVersion=lambda: 12090)
    cuda = SimpleNamespace(runtime=runtime, Device=lambda: SimpleNamespace(id=0))
    found = environment(SimpleNamespace(cuda=cuda, __version__="14.0.0"))
    same = {name: environment()[name] for name in ("minisgl", "python", "numpy")}
    assert found == same | {"cupy": "14.0.0", "cuda": "12090", "gpu": "A GPU"}
    assert found["minisgl"] == minisgl.__version__
