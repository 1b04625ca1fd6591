"""What the message says of a wrong result: which known mistake it is, or where it has nan, or else how it differs.

A known mistake is named only if its results are the answer's on every input, empty ones apart. One input where the two agree
says little: at 0, for example, many wrong answers are the same. Where both raise the same error, they agree as well.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np

from minisgl.course.checks.difference import close, not_a_number
from minisgl.course.checks.shown import Inputs

Function = Callable[..., Any]


def explained(
    function: Function, reference: Function, mistakes: Mapping[str, Function], inputs: list[Inputs]
) -> tuple[str, Inputs | None]:
    """Return the sentence for a function that is wrong on one of `inputs`, "" if nothing is known about its mistake.

    If a result has nan and the function makes no known mistake, the first input where it is so comes with the sentence.
    """
    if sentence := _known_mistake(function, reference, mistakes, inputs):
        return sentence, None
    for case in inputs:
        if nan := not_a_number(_outcome(function, deepcopy(case))):
            return nan, case
    return "", None


def _known_mistake(function: Function, reference: Function, mistakes: Mapping[str, Function], inputs: list[Inputs]) -> str:
    """The first sentence that is true on all inputs: of the task's own, then of those that are possible in every task."""
    inputs = [case for case in inputs if not any(map(_is_empty, case.values()))]  # empty results are all the same
    mine = cache(lambda i: _outcome(function, deepcopy(inputs[i])))  # each is computed once, and only if it is needed
    right = cache(lambda i: _outcome(reference, inputs[i]))
    for sentence, mistake in mistakes.items():
        if all(_same(mine(i), _outcome(mistake, case)) for i, case in enumerate(inputs)):
            return sentence
    if all(_same(mine(i), right(i)) for i in range(len(inputs))):
        return ""  # the numbers are right: it is the kind, the dtype, or a zero
    for sentence, holds in OF_EVERY_TASK.items():
        if all(_has_sign(mine(i)) and _has_sign(right(i)) and holds(mine(i), right(i)) for i in range(len(inputs))):
            return sentence
    return ""


OF_EVERY_TASK: dict[str, Callable[[Any, Any], bool]] = {
    "your result has the opposite sign everywhere.": lambda mine, right: close(mine, -right),
    "your result is twice the right one, on all inputs: is there a factor 2 too many?": lambda mine, right: close(
        mine, 2 * right
    ),
    "your result is half of the right one, on all inputs: is a factor 2 missing?": lambda mine, right: close(mine, right / 2),
    "the sizes are right; look at the signs.": lambda mine, right: close(np.abs(mine), np.abs(right)),
}


def _outcome(function: Function, case: Inputs) -> Any:
    """What the function returns, or the class of the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return function(*case.values())
        except Exception as error:
            return type(error)


def _same(mine: Any, its: Any) -> bool:
    return mine is its or close(mine, its)


def _has_sign(result: Any) -> bool:
    """Whether it is a number or an array of numbers, and not of booleans."""
    return isinstance(result, np.ndarray | np.number | float | int) and np.asarray(result).dtype.kind in "fi"


def _is_empty(value: Any) -> bool:
    return len(value) == 0 if isinstance(value, list) else np.size(value) == 0
