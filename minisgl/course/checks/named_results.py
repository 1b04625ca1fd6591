"""How an answer that returns several arrays is compared: one after the other, each under its name."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.difference import close, difference
from minisgl.course.checks.task import Task

NUMBERS = {2: "two", 3: "three"}


def compare_named(*names: str) -> Callable[[Answer, Task], None]:
    """Return a comparison for results of these two or three names, which raises CheckFailed at the first one that differs.

    A known mistake concerns one result: its sentence begins with the name, "dx: ...", and its function returns that result.
    """

    def compare(answer: Answer, task: Task) -> None:
        cases = list(task.inputs())
        for case in cases:
            yours, wanted = answer.call(case), task.reference(*case.values())
            if not isinstance(yours, tuple | list) or len(yours) != len(names):
                hint = f"{NUMBERS[len(names)]} arrays are wanted, in this order and with commas between: {', '.join(names)}."
                answer.fail(case, yours, wanted, hint)
            for part, name in enumerate(names):
                if problem := difference(yours[part], wanted[part]):
                    hint = _known_mistake(answer, task, cases, part, name) or f"{name}: {problem}"
                    answer.fail(case, yours[part], wanted[part], hint, f"your {name}")

    return compare


def _known_mistake(answer: Answer, task: Task, cases: list[Inputs], part: int, name: str) -> str | None:
    cases = [case for case in cases if all(map(np.size, case.values()))]  # empty results are all the same
    try:
        results = [answer.function(*deepcopy(case).values())[part] for case in cases]
    except Exception:  # it fails on a later input, so its results cannot be compared
        return None
    for sentence, mistake in task.mistakes.items():
        if not sentence.startswith(f"{name}: "):
            continue
        with np.errstate(all="ignore"):
            wrong = [mistake(*case.values()) for case in cases]
        if all(close(mine, its) for mine, its in zip(results, wrong, strict=True)):
            return sentence
    return None
