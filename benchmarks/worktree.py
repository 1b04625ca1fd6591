"""Check out an earlier commit, for the scripts that compare it with this checkout."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "b839a80"  # the last commit before the rewrite


@contextmanager
def checked_out(commit: str, scratch: Path) -> Iterator[Path]:
    """Yield the commit's tree, in a folder of `scratch`, and remove it afterwards. RuntimeError if there is no such commit."""
    tree = scratch / "tree"
    git = ["git", "-C", str(ROOT), "worktree"]
    added = subprocess.run([*git, "add", "--quiet", "--detach", tree, commit], capture_output=True, text=True, check=False)
    if added.returncode:
        raise RuntimeError(f"the commit {commit} cannot be checked out: {added.stderr.strip()}")
    try:
        yield tree
    finally:
        subprocess.run([*git, "remove", "--force", tree], check=False)
