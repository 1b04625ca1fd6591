"""How a student's result differs from the right one, in a sentence.

Two numbers are equal if they agree to one part in 100,000. For arrays, the kind is compared first, then shape and dtype, then
the numbers, and last, if the task asks for it, whether zeros are exactly 0.
"""

from typing import Any

import numpy as np

TOLERANCE = 1e-5


def close(yours: Any, wanted: Any) -> bool:
    """Whether two results, numbers or arrays, have the same shape and are equal to one part in 100,000."""
    try:
        return np.shape(yours) == np.shape(wanted) and np.allclose(yours, wanted, TOLERANCE, TOLERANCE, equal_nan=True)
    except (TypeError, ValueError):
        return False


def difference(yours: Any, wanted: Any, exact_zeros: bool = False) -> str:
    """Return a sentence that says what is wrong with `yours`, or "" if it is right."""
    if not isinstance(wanted, np.ndarray):
        return "" if close(yours, wanted) else _not_these_numbers(yours, wanted)
    if problem := _wrong_kind(yours, wanted):
        return problem
    if not close(yours, wanted):
        return _wrong_numbers(yours, wanted)
    if exact_zeros and np.any((wanted == 0) & (yours != 0)):
        return "almost zero is not zero: what is dropped has to be 0 exactly."
    return ""


def not_a_number(yours: Any) -> str:
    """Return a sentence that says where `yours`, a number or an array, has nan; "" if it has none."""
    if not isinstance(yours, np.ndarray | np.floating | float) or np.asarray(yours).dtype.kind != "f":
        return ""
    is_nan = np.isnan(np.asarray(yours))
    if not is_nan.any():
        return ""
    if is_nan.ndim == 0:
        return "your result is nan, not a number: a division 0/0?"
    return f"your result has {is_nan.sum()} nan, not a number, the first at {_place(is_nan)}: a division 0/0?"


def _place(where: np.ndarray) -> str:
    """The index of the first True."""
    first = tuple(int(i) for i in np.argwhere(where)[0])
    return f"index {first if len(first) > 1 else first[0]}"


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
    if yours.dtype == bool and wanted.dtype != bool:
        return "numbers are wanted, and yours are True and False: which number belongs to each?"
    if yours.dtype != wanted.dtype:
        return f"the result is to be of the dtype of the argument, {wanted.dtype}, and yours is {yours.dtype}."
    return ""


def _wrong_numbers(yours: np.ndarray, wanted: np.ndarray) -> str:
    bad = ~np.isclose(yours, wanted, TOLERANCE, TOLERANCE, equal_nan=True)
    return f"{bad.sum()} of {bad.size} entries differ, the first at {_place(bad)}."
