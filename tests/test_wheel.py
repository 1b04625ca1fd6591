"""A wheel, installed anywhere, brings its data: built here, unpacked into an empty folder, and run from another."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minisgl.data import curves

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel, and nothing else, has been installed."""
    built = tmp_path_factory.mktemp("built")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(words, cwd=CHECKOUT, check=True, capture_output=True)
    (wheel,) = built.iterdir()
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run(words, check=True, capture_output=True)
    return folder


def run(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}  # before the checkout's editable install
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_it_finds_its_own_files(site: Path, tmp_path: Path) -> None:
    script = "import minisgl.data.mnist as m; print(m.__file__); print([len(part) for part in m.load()], m.bundled())"
    done = run(site, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert f"[60000, 10000] {site}" in done.stdout
    assert (site / "minisgl" / "py.typed").is_file()
    script = (
        "from minisgl.data import curves; print(curves.__file__, len(curves.words('train')), curves.draw('test', 0, 0).shape)"
    )
    done = run(site, tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    place = site / "minisgl" / "data" / "curves" / "__init__.py"
    assert done.stdout == f"{place} {len(curves.words('train'))} (48, 128)\n"


@pytest.mark.slow
def test_it_trains_and_evaluates_on_the_bundled_mnist(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "-m", "minisgl.train", "--holdout", "58000", "--epochs", "1", "--penalty", "none")
    assert done.returncode == 0, done.stderr
    done = run(site, tmp_path, "-m", "minisgl.evaluate", "runs/mnist-lenet5-none-1")
    assert done.returncode == 0, done.stderr
    assert "of 10,000 test images" in done.stdout


def test_it_copies_the_exercises(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "-m", "minisgl.course", "mine")
    assert done.returncode == 0, done.stderr
    handed_out = CHECKOUT / "notebooks" / "exercises"
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == {
        path.name: path.read_bytes() for path in handed_out.iterdir()
    }
