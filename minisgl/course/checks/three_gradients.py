"""How an answer that returns three gradients is compared: dx, dweight and dbias, one after the other."""

from copy import deepcopy

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.difference import close, difference
from minisgl.course.checks.task import Task

NAMES = ("dx", "dweight", "dbias")


def compare_three_gradients(answer: Answer, task: Task) -> None:
    """Raise CheckFailed at the first gradient that differs.

    A known mistake concerns one gradient: its sentence begins with the name, "dx: ...", and its function returns that gradient.
    """
    cases = list(task.inputs())
    for case in cases:
        yours, wanted = answer.call(case), task.reference(**case)
        if not isinstance(yours, tuple | list) or len(yours) != 3:
            hint = "three arrays are wanted, in this order and with commas between: dx, dweight, dbias."
            answer.fail(case, yours, wanted, hint)
        for part, name in enumerate(NAMES):
            if problem := difference(yours[part], wanted[part]):
                hint = _known_mistake(answer, task, cases, part) or f"{name}: {problem}"
                answer.fail(case, yours[part], wanted[part], hint, f"your {name}")


def _known_mistake(answer: Answer, task: Task, cases: list[Inputs], part: int) -> str | None:
    cases = [case for case in cases if case["dy"].size]
    try:
        results = [answer.function(*deepcopy(case).values())[part] for case in cases]
    except Exception:  # it fails on a later input, so its results cannot be compared
        return None
    for sentence, mistake in task.mistakes.items():
        if sentence.startswith(f"{NAMES[part]}: ") and all(
            close(mine, mistake(**case)) for mine, case in zip(results, cases, strict=True)
        ):
            return sentence
    return None
