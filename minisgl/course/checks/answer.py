"""A student's function under test: how it is called, how its results are compared, and the message if they are wrong.

The function has to return something, leave its arguments as they were, and give the reference's results. difference.py says
what counts as the same result.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, NoReturn

import numpy as np

from minisgl.course.checks.difference import difference
from minisgl.course.checks.known import explained
from minisgl.course.checks.shown import Inputs, shown

__all__ = ["Answer", "CheckFailed", "Inputs"]


class CheckFailed(AssertionError):  # noqa: N818 (a student reads it)
    """The answer is not right yet. Notebooks show the message alone: a traceback would have none of the student's code."""

    def _render_traceback_(self) -> list[str]:  # IPython calls it
        return [f"{type(self).__name__}: {self}"]


class Answer:
    """A student's function for the task `name`, such as "05.hard_threshold". `tried` counts the inputs it has been run on."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function, self.tried = name, function, 0

    def compare(
        self,
        inputs: Iterable[Inputs],
        reference: Callable[..., Any],
        mistakes: Mapping[str, Callable[..., Any]],
        exact_zeros: bool = False,
    ) -> None:
        """Raise CheckFailed at the first of `inputs` where the function's result differs from that of `reference`.

        mistakes: functions that are wrong in a known way, by the sentence that names the mistake; known.py says when a mistake
        is named. exact_zeros: whether a 0 must be exactly 0.
        """
        inputs = list(inputs)
        for case in inputs:
            yours, target = self.call(case), reference(*case.values())
            if problem := difference(yours, target, exact_zeros):
                hint, there = explained(self.function, reference, mistakes, inputs)
                if there:
                    self.fail(there, self.call(there), reference(*there.values()), hint)
                self.fail(case, yours, target, hint or problem)

    def call(self, case: Inputs) -> Any:
        """Return what the function returns. Raise CheckFailed if it raises, returns nothing, or changes an argument."""
        self.tried += 1
        given = deepcopy(case)
        try:
            yours = self.function(*given.values())
        except NotImplementedError as error:
            raise CheckFailed(f"{self.name} is still to be written: {error}") from None
        except Exception as error:
            raise CheckFailed(f"{self.name} stops with an error.\n\n{shown(case)}\n{self._where(error)}") from error
        if yours is None:
            raise CheckFailed(f"{self.name} returns nothing: is there a return?\n\n{shown(case)}")
        for key, before in case.items():
            if isinstance(before, np.ndarray) and not np.array_equal(given[key], before):
                hint = f"your function writes into its argument {key}, which belongs to who called it: work on a copy."
                self.fail({key: before}, given[key], before, hint, f"{key} afterwards")
        return yours

    def fail(self, case: Inputs, yours: Any, wanted: Any, hint: str, yours_is: str = "yours") -> NoReturn:
        """Raise CheckFailed with a message that shows the inputs, the two results one below the other, and the hint."""
        message = f"{self.name} is not right yet.\n\n{shown({**case, yours_is: yours, 'wanted': wanted})}\n\n{hint}"
        raise CheckFailed(message)

    def _where(self, error: Exception) -> str:
        """The error, and the student's line in which it was raised."""
        text = f"{type(error).__name__}: {error}"
        code = getattr(self.function, "__code__", None)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename]
        return f"{text}\nin the line: {frames[-1].line}" if frames and frames[-1].line else text
