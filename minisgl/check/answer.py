"""A student's function under test: how it is called, compared, and told what is wrong.

What is compared, in this order: does it return, return something, of the right kind, shape and dtype; are its arguments
as they were; are the numbers right, to one part in 100,000, and zeros exactly zero where that is the point.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, NoReturn

import numpy as np

Inputs = dict[str, Any]  # arguments by name, in the order of the function's parameters
TOLERANCE = 1e-5


class CheckFailed(AssertionError):  # noqa: N818 (a student reads it)
    """The answer is not right yet. Notebooks show the message alone, with no traceback: none of it is the student's code."""

    def _render_traceback_(self) -> list[str]:  # asked for by IPython
        return [f"{type(self).__name__}: {self}"]


class Answer:
    """The function of one student, for the task `name`."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name, self.function, self.tried = name, function, 0

    def compare(
        self,
        inputs: Iterable[Inputs],
        wanted: Callable[..., Any],
        mistakes: Mapping[str, Callable[..., Any]],
        exact_zeros: bool = False,
    ) -> None:
        """Raise CheckFailed at the first of `inputs` where the function gives something else than `wanted`.

        mistakes: functions that are wrong in a known way, by the sentence that says which. The first that gives the same
        as the student's on all inputs is named. exact_zeros: where `wanted` is 0, almost 0 is not enough.
        """
        inputs = list(inputs)
        for case in inputs:
            yours, target = self.call(case), wanted(*case.values())
            if problem := difference(yours, target, exact_zeros):
                hint = self._known_mistake(inputs, mistakes) or problem
                self.fail(case, yours, target, hint)

    def call(self, case: Inputs) -> Any:
        """What the function returns. CheckFailed if it raises, returns nothing, or changes an argument."""
        self.tried += 1
        given = deepcopy(case)
        try:
            yours = self.function(*given.values())
        except NotImplementedError as error:
            raise CheckFailed(f"{self.name} is still to be written: {error}") from None
        except Exception as error:
            raise CheckFailed(f"{self.name} stops with an error.\n\n{told(case)}\n{self._where(error)}") from error
        if yours is None:
            raise CheckFailed(f"{self.name} returns nothing: is there a return?\n\n{told(case)}")
        for key, before in case.items():
            if isinstance(before, np.ndarray) and not np.array_equal(given[key], before):
                hint = f"your function writes into its argument {key}, which belongs to who called it: work on a copy."
                self.fail({key: before}, given[key], before, hint, f"{key} afterwards")
        return yours

    def fail(self, case: Inputs, yours: Any, wanted: Any, hint: str, yours_is: str = "yours") -> NoReturn:
        """Raise CheckFailed that shows the inputs, the two results one below the other, and the hint."""
        message = f"{self.name} is not right yet.\n\n{told({**case, yours_is: yours, 'wanted': wanted})}\n\n{hint}"
        raise CheckFailed(message)

    def _known_mistake(self, inputs: list[Inputs], mistakes: Mapping[str, Callable[..., Any]]) -> str | None:
        inputs = [case for case in inputs if not any(map(_is_empty, case.values()))]  # nothing tells no mistake
        try:
            results = [self.function(*deepcopy(case).values()) for case in inputs]
        except Exception:  # it fails on a later input: then nothing is known
            return None
        for sentence, mistake in mistakes.items():
            with np.errstate(all="ignore"):
                wrong = [mistake(*case.values()) for case in inputs]
            if all(close(mine, its) for mine, its in zip(results, wrong, strict=True)):
                return sentence
        return None

    def _where(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}"
        code = getattr(self.function, "__code__", None)
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename]
        return f"{text}\nin the line: {frames[-1].line}" if frames and frames[-1].line else text


def _is_empty(value: Any) -> bool:
    return len(value) == 0 if isinstance(value, list) else np.size(value) == 0


def close(yours: Any, wanted: Any) -> bool:
    """Whether two results, numbers or arrays, have the same shape and are equal to a part in 100,000."""
    try:
        return np.shape(yours) == np.shape(wanted) and np.allclose(yours, wanted, TOLERANCE, TOLERANCE, equal_nan=True)
    except (TypeError, ValueError):
        return False


def difference(yours: Any, wanted: Any, exact_zeros: bool = False) -> str:
    """What is wrong with `yours`, in a sentence; "" if nothing is."""
    if not isinstance(wanted, np.ndarray):
        return "" if close(yours, wanted) else _not_these_numbers(yours, wanted)
    if problem := _wrong_kind(yours, wanted):
        return problem
    if not close(yours, wanted):
        return _wrong_numbers(yours, wanted)
    if exact_zeros and np.any((wanted == 0) & (yours != 0)):
        return "almost zero is not zero: what is dropped has to be 0 exactly."
    return ""


def _not_these_numbers(yours: Any, wanted: Any) -> str:
    if isinstance(wanted, list):
        return f"a list of {len(wanted)} whole numbers is wanted, the right one at each place."
    if np.ndim(yours) > 0:
        return f"one number is wanted, and yours is an array of shape {np.shape(yours)}."
    return "the numbers differ."


def _wrong_kind(yours: Any, wanted: np.ndarray) -> str:
    if not isinstance(yours, np.ndarray):
        return f"an array is wanted, and yours is a {type(yours).__name__}."
    if wanted.dtype == bool and yours.dtype != bool:
        return f"an array of booleans is wanted, and yours is of {yours.dtype}."
    if yours.shape != wanted.shape:
        turned = ": are the axes in their order?" if yours.shape == wanted.shape[::-1] else "."
        return f"the shape {wanted.shape} is wanted, and yours is {yours.shape}{turned}"
    if yours.dtype != wanted.dtype:
        return f"the result is to be of the dtype of the argument, {wanted.dtype}, and yours is {yours.dtype}."
    return ""


def _wrong_numbers(yours: np.ndarray, wanted: np.ndarray) -> str:
    if wanted.dtype != bool and close(yours, -wanted):
        return "your result has the opposite sign everywhere."
    if wanted.dtype != bool and close(np.abs(yours), np.abs(wanted)):
        return "the sizes are right; look at the signs."
    bad = ~np.isclose(yours, wanted, TOLERANCE, TOLERANCE, equal_nan=True)
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{bad.sum()} of {bad.size} entries differ, the first at index {first if len(first) > 1 else first[0]}."


def told(values: Inputs) -> str:
    """Names and values, one below the other; the arrays of a list one by one."""
    values = {key: value for name, one in values.items() for key, value in _items(name, one).items()}
    width = max(map(len, values))
    lines = []
    for name, value in values.items():
        text = _array(value) if isinstance(value, np.ndarray) else f"{value:.6g}" if isinstance(value, float) else str(value)
        lines.append(f"  {name:<{width}}   " + text.replace("\n", "\n" + " " * (width + 5)))
    return "\n".join(lines)


def _items(name: str, value: Any) -> Inputs:
    arrays = isinstance(value, list) and any(isinstance(one, np.ndarray) for one in value)
    return {f"{name}[{i}]": one for i, one in enumerate(value)} if arrays else {name: value}


def _array(value: np.ndarray) -> str:
    note = "" if value.dtype == np.float64 and value.size else f"  ({value.dtype}, shape {value.shape})"
    return np.array2string(value, precision=4, suppress_small=True, threshold=60) + note
