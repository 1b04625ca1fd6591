"""Check that training still gives the same bytes as an earlier commit: `python -m benchmarks.same_bytes [--commit b839a80]`

This shows whether a rewrite of the code changed any number. The commit is checked out in a temporary directory. Both trees
train the same small networks, each in its own process, with the same interpreter. Their model.safetensors are compared: names,
types, shapes and bytes of the tensors, but not the metadata. A line is printed for each case. It takes about three minutes. The
exit status is 0 if all are the same, 1 if a tensor differs or a training fails, and 2 if the commit cannot be checked out.
"""

import argparse
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors.numpy import load_file

from benchmarks.worktree import COMMIT, ROOT, checked_out

DIGITS = {"train": 2_000, "t10k": 500}  # the first of the bundled MNIST
PICTURES = (480, 60, 60)  # of shaky curves: training, validation, test
PROCESSES = (1, 2)  # --threads; on Linux each is a process, elsewhere a thread
# Some have their own threshold or fraction: after two epochs the presets' would remove no group, nothing, or all of fc.
CASES: dict[str, tuple[str, ...]] = {
    **{penalty: ("--penalty", penalty) for penalty in ("l0", "l1", "tl1", "l1-l2", "none")},
    "group-l0": ("--penalty", "group-l0", "--threshold", "0.28", "0.06", "0.05", "0.06"),
    "preset paper": ("--preset", "paper", "--penalty", "l0"),
    "sgd": ("--optimizer", "sgd"),
    "refit and prune": ("--refit", "1", "--prune", "0.98"),
    "shift": ("--shift", "1"),
    "shaky curves": ("--experiment", "shaky-curves", "--threshold", "0.02"),
}
# Train with the code in the tree given as the first argument, not with an installed package, and with fewer pictures.
DRIVER = f"""
import pathlib, runpy, sys
import minisgl
from minisgl.data import curves
tree = sys.argv.pop(1)
assert pathlib.Path(minisgl.__file__).resolve().parents[1] == pathlib.Path(tree), f"{{minisgl.__file__}} is not in {{tree}}"
curves.COUNTS = {PICTURES}
runpy.run_module("minisgl.train", run_name="__main__")
"""

Tensors = dict[str, np.ndarray]


def write_digits(source: Path, directory: Path) -> None:
    """Write the first digits of the gzipped IDX files in `source` as raw IDX files with the same names."""
    directory.mkdir()
    for prefix, count in DIGITS.items():
        for part in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            content = gzip.decompress((source / f"{prefix}-{part}.gz").read_bytes())
            sizes = np.frombuffer(content, ">u4", count=content[3], offset=4)  # byte 3 is the number of dimensions
            numbers = np.frombuffer(content, np.uint8, offset=4 + sizes.nbytes).reshape(sizes)[:count]
            header = content[:4] + np.array(numbers.shape, ">u4").tobytes()
            (directory / f"{prefix}-{part}").write_bytes(header + numbers.tobytes())


def train(tree: Path, folder: Path, options: tuple[str, ...]) -> Tensors:
    """Return the tensors that a tree's training saves. It runs in `folder`, with its cache there. RuntimeError if it fails."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(tree), "XDG_CACHE_HOME": str(folder / "cache")}
    with TemporaryDirectory(dir=folder) as out:
        words = [sys.executable, "-c", DRIVER, str(tree), *options, "--out", out]
        run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if run.returncode:
            last = (run.stderr.strip() or "no message").splitlines()[-1]
            raise RuntimeError(f"the training of {folder.name} ended with {run.returncode}: {last}")
        return load_file(Path(out) / "model.safetensors")


def differences(earlier: Tensors, now: Tensors) -> Iterator[str]:
    """Yield what differs, as a phrase for each tensor."""
    for name in sorted(earlier.keys() | now.keys()):
        if name not in earlier or name not in now:
            yield f"{name} is only in {'the commit' if name in earlier else 'this checkout'}"
            continue
        a, b = earlier[name], now[name]
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            yield f"{name} was {a.dtype} {a.shape} and is {b.dtype} {b.shape}"
        elif a.tobytes() != b.tobytes():
            bits = (np.frombuffer(array.tobytes(), np.uint8).reshape(a.size, -1) for array in (a, b))
            count = np.not_equal(*bits).any(axis=1).sum()
            yield f"{name} in {count} of {a.size} numbers, by at most {np.abs(a.astype(float) - b).max():.1e}"


def compare(trees: dict[str, Path], scratch: Path, options: tuple[str, ...]) -> tuple[bool, str]:
    """Return whether both trees give the same tensors, and the text to print."""
    try:
        earlier, now = (train(tree, scratch / name, options) for name, tree in trees.items())
    except RuntimeError as error:
        return False, str(error)
    found = list(differences(earlier, now))
    return not found, f"differs: {'; '.join(found)}" if found else f"same, {len(now)} tensors"


def compare_all(trees: dict[str, Path], scratch: Path) -> bool:
    """Print a line for each case. Return whether all are the same."""
    write_digits(trees["the commit"] / "data" / "mnist", scratch / "digits")
    all_same = True
    for case, options in CASES.items():
        data = () if "--experiment" in options else ("--data", str(scratch / "digits"))
        for n in PROCESSES:
            same, what = compare(trees, scratch, (*options, *data, "--epochs", "2", "--threads", str(n)))
            all_same &= same
            print(f"{case}, {n} process{'es' if n > 1 else ''}: {what}", flush=True)
    return all_same


def main() -> int:
    """Check out the commit, compare, and remove it again. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_bytes", description="Compare with an earlier commit.")
    parser.add_argument("--commit", default=COMMIT, help=f"the commit to compare with (default {COMMIT})")
    commit = parser.parse_args().commit
    with TemporaryDirectory() as name:
        scratch = Path(name).resolve()
        try:
            with checked_out(commit, scratch) as tree:
                return 0 if compare_all({"the commit": tree, "this checkout": ROOT}, scratch) else 1
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
