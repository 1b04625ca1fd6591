"""The course's sources, its tasks, and the planted mistakes, as the tests of the checks use them."""

import importlib
import importlib.util
import pkgutil
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minisgl.course import checks
from minisgl.course.checks.task import Task

CHECKOUT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("notebooks_build", CHECKOUT / "notebooks" / "build.py")
assert spec is not None
assert spec.loader is not None
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
SOURCES = [build.Source(path) for path in sorted((CHECKOUT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))]

# All checks that there are: the tasks by names such as "05.hard_threshold".
TASKS: dict[str, Task] = {}
for info in pkgutil.iter_modules(checks.__path__):
    if found := re.fullmatch("chapter_([0-9]{2})", info.name):
        module = importlib.import_module(f"minisgl.course.checks.{info.name}")
        TASKS |= {f"{found[1]}.{task.name}": task for task in module.TASKS}

# For each check, wrong answers, each with a part of the message that it must get: planted/ has a file for every chapter.
PLANTED: dict[str, list[tuple[Callable[..., Any], str]]] = {}
for path in sorted((CHECKOUT / "tests" / "course" / "planted").glob("chapter_*.py")):
    PLANTED |= runpy.run_path(str(path))["PLANTED"]
