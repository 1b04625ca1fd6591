"""A notebook's BLAS uses at most the cores that are free, and never more threads than it had."""

import os
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from minisgl.course import limit_blas_threads, threads

SOURCES = sorted(Path(__file__).parents[2].joinpath("notebooks", "source").glob("*.py"))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Eight cores, without load and without a quota."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.2, 8, 8), raising=False)
    monkeypatch.setattr(threads, "CGROUPS", tmp_path)
    return monkeypatch


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_a_quiet_machine_is_free(machine: pytest.MonkeyPatch) -> None:
    assert threads.free_cores() == 8


@pytest.mark.parametrize(("load", "free"), [(2.6, 5), (7, 1), (40, 1)])
def test_a_busy_core_is_not_free(load: float, free: int, machine: pytest.MonkeyPatch) -> None:
    machine.setattr(os, "getloadavg", lambda: (load, 0, 0), raising=False)
    assert threads.free_cores() == free


def test_only_the_cores_of_this_process_count(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(os, "sched_getaffinity", lambda pid: {2, 3, 5}, raising=False)
    assert threads.free_cores() == 3


def test_where_the_system_says_neither_all_cores_are_free(machine: pytest.MonkeyPatch) -> None:
    machine.delattr(os, "sched_getaffinity")
    machine.delattr(os, "getloadavg")
    assert threads.free_cores() == 8


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="control groups are Linux's")
@pytest.mark.parametrize(
    ("limit", "free"), [("150000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8), ("max 100000", 8)]
)
def test_a_containers_quota_counts(limit: str, free: int, machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    (tmp_path / own).mkdir(parents=True, exist_ok=True)
    (tmp_path / own / "cpu.max").write_text(f"{limit}\n")
    assert threads.free_cores() == free


@pytest.mark.parametrize(("before", "free", "after"), [(2, 1, 1), (1, 8, 1), (2, 2, 2)])
def test_blas_gets_the_free_cores_and_no_more_than_it_had(
    before: int, free: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: free)
    with threadpool_limits(limits=before, user_api="blas"):
        limit_blas_threads()
        assert blas_threads() == {after}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_each_chapter_and_its_exercises_begin_with_it(source: Path) -> None:
    _, _, rest = source.read_text(encoding="utf-8").partition('# %% tags=["setup"]\n')
    cell = rest.partition("\n# %%")[0]
    assert "\nlimit_blas_threads()" in cell
