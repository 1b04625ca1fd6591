"""How an answer that returns several arrays is compared: one after the other, each under its name."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from minisgl.course.checks.answer import Answer
from minisgl.course.checks.difference import difference
from minisgl.course.checks.known import explained
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
                    mine, right = _part(answer.function, part), _part(task.reference, part)
                    mistakes = {text: wrong for text, wrong in task.mistakes.items() if text.startswith(f"{name}: ")}
                    hint, there = explained(mine, right, mistakes, cases)
                    hint = hint if hint in mistakes else f"{name}: {hint or problem}"
                    shown = (there or case).values()
                    answer.fail(there or case, mine(*shown), right(*shown), hint, f"your {name}")

    return compare


def _part(function: Callable[..., Any], part: int) -> Callable[..., Any]:
    """The function that returns only this part of the results."""
    pick = itemgetter(part)
    return lambda *given: pick(function(*given))
