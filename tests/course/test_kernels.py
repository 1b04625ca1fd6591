"""Kernels that start at the same time do not collide, have one BLAS thread, and end with the grader that started them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from support.resuming import posix

from minisgl.course import kernels

psutil = pytest.importorskip("psutil")
NBVAL = ["-p", "minisgl.course.nbval_plugin", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
# lo is up, and programs get only forty ports
FEW_PORTS = ["ip link set lo up", "echo 40000 40039 > /proc/sys/net/ipv4/ip_local_port_range"]


def without_network(*commands: str) -> list[str]:
    """The beginning of a command whose process has a network of its own, after these commands; without any, even lo is down."""
    words = ["unshare", "--map-root-user", "--net", "sh", "-c", "\n".join([*commands, 'exec "$@"']), "sh"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the system cannot give a process a network of its own")
    return words


def notebook(path: Path, source: str = "x = 1") -> Path:
    """A chapter with one cell."""
    nbformat.write(new_notebook(cells=[new_code_cell(source, id="07-cell-01")]), path)
    return path


def nbval(*words: object, before: list[str]) -> subprocess.Popen:
    """Start pytest on notebooks; a kernel that does not respond within thirty seconds fails."""
    command = [*before, sys.executable, "-m", "pytest", *NBVAL, "--nbval-kernel-startup-timeout=30", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_kernel_needs_no_port(tmp_path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    with nbval(notebook(tmp_path / "07_one.ipynb"), before=without_network()) as run:
        printed = run.communicate()[0]
    assert run.returncode == 0, printed


@pytest.mark.slow
def test_a_hundred_kernels_that_two_processes_start_at_the_same_time_with_few_ports(tmp_path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    script = 'for i in 1 2; do "$@" "$i" & done; wait'
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
        for number in range(50):
            notebook(folder / f"{number:02}_one.ipynb")
    run = [*without_network(*FEW_PORTS), "sh", "-c", script, "sh", sys.executable, "-m", "pytest", "-q", *NBVAL]
    done = subprocess.run(
        [*run, "--nbval-kernel-startup-timeout=30"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("50 passed") == 2, done.stdout[-5000:]


@pytest.mark.parametrize("given", [None, "3"])
def test_a_kernel_has_one_blas_thread_unless_the_user_says_otherwise(given, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    source = f"import os\nassert os.environ['OPENBLAS_NUM_THREADS'] == '{given or 1}'"
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    with nbval(notebook(tmp_path / "07_one.ipynb", source), before=[]) as run:
        printed = run.communicate()[0]
    assert run.returncode == 0, printed


def test_sockets_have_unique_absolute_paths_that_are_short_enough(tmp_path, monkeypatch) -> None:
    if sys.platform == "win32":
        assert kernels.sockets() == {}
        return
    for folder in (Path("/tmp"), tmp_path / ("long" * 20)):
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        one, other = kernels.sockets(), kernels.sockets()
        assert one["transport"] == "ipc"
        assert one["ip"] != other["ip"]
        assert Path(one["ip"]).is_absolute()
        assert len(os.fsencode(one["ip"])) < 100


def test_without_unix_sockets_a_dead_start_is_tried_again() -> None:
    starts = []

    def start(name: str) -> str:
        starts.append(name)
        if len(starts) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return "a kernel"

    assert kernels._one_at_a_time(start, "python3") == "a kernel"
    assert starts == ["python3", "python3"]


@pytest.fixture
def grader(tmp_path: Path) -> Iterator[tuple[subprocess.Popen, list]]:
    """Start the grader on an answer that does not end; its process, and those that it has started when the answer runs."""
    marker = tmp_path / "running"
    answer = f"open({str(marker)!r}, 'w').close()\nwhile True: pass"
    for name, source in (("exercises", "raise NotImplementedError"), ("class/ada", answer)):
        cells = [
            new_code_cell(text, id=f"07-ex1-{role}", metadata={"tags": ["ex1"]})
            for text, role in ((source, "answer"), ("assert x", "check"))
        ]
        (tmp_path / name).mkdir(parents=True)
        nbformat.write(new_notebook(cells=cells), tmp_path / name / "07_one.ipynb")
    (tmp_path / "tmp").mkdir()
    words = [sys.executable, "-m", "minisgl.grade", "class", "--exercises", "exercises", "--timeout", "500"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    started: list[psutil.Process] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for jobs in the background
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        signal.signal(signal.SIGINT, before)
        try:
            until = time.monotonic() + 300
            while not marker.exists() and run.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
            started += psutil.Process(run.pid).children(recursive=True)
            yield run, started
        finally:
            run.kill()
            for process in started:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGKILL", None)])
def test_nothing_is_left_when_the_grader_is_ended(number, grader, tmp_path) -> None:
    run, started = grader
    assert len(started) >= 2  # pytest and a kernel
    run.send_signal(number)
    complaint = run.communicate(timeout=30)[1]
    assert psutil.wait_procs(started, timeout=20)[1] == []
    if number == signal.SIGKILL:
        return
    assert (run.returncode, complaint) == (
        (143, "minisgl: terminated\n") if number == signal.SIGTERM else (130, "minisgl: interrupted\n")
    )
    assert list((tmp_path / "tmp").iterdir()) == []
