"""What the message says of a wrong result: which known mistake it is, or where it has nan, or else how it differs.

A known mistake is named only if its results are the answer's on every input, empty ones apart. One input where the two agree
says little: at 0, for example, many wrong answers are the same. Where both raise the same error, they agree as well.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
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
        if nan := not_a_number(_outcome(function, case)):
            return nan, case
    return "", None


def _known_mistake(function: Function, reference: Function, mistakes: Mapping[str, Function], inputs: list[Inputs]) -> str:
    """The first sentence that is true on all inputs: of the task's own, then of those that are possible in every task."""
    inputs = [case for case in inputs if not any(map(_is_empty, case.values()))]  # empty results are all the same
    results = [_outcome(function, case) for case in inputs]

    def has_results_of(mistake: Function, of: Function = lambda result: result) -> bool:
        return all(_same(of(mine), of(_outcome(mistake, case))) for mine, case in zip(results, inputs, strict=True))

    for sentence, mistake in {**mistakes, **_of_every_task(reference)}.items():
        if has_results_of(mistake):
            return sentence
    lost_signs = has_results_of(reference, _size) and not has_results_of(reference)
    return "the sizes are right; look at the signs." if lost_signs else ""


def _of_every_task(reference: Function) -> dict[str, Function]:
    return {
        "your result has the opposite sign everywhere.": lambda *given: -reference(*given),
        "your result is twice the right one, on all inputs: is there a factor 2 too many?": lambda *given: (
            2 * reference(*given)
        ),
        "your result is half of the right one, on all inputs: is a factor 2 missing?": lambda *given: reference(*given) / 2,
    }


def _outcome(function: Function, case: Inputs) -> Any:
    """What the function returns, or the class of the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return function(*deepcopy(case).values())
        except Exception as error:
            return type(error)


def _same(mine: Any, its: Any) -> bool:
    return mine is its or close(mine, its)


def _size(result: Any) -> Any:
    return np.abs(result) if isinstance(result, np.ndarray | np.number | float | int) else result


def _is_empty(value: Any) -> bool:
    return len(value) == 0 if isinstance(value, list) else np.size(value) == 0
