"""The checks of chapter 08: groups. Each says in its docstring what the task asks for."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from minisgl.check.answer import Answer, CheckFailed, Inputs
from minisgl.check.definition import best_x, soft
from minisgl.penalties import SparseGroupLasso


def _arrays() -> Iterator[tuple[np.ndarray, int]]:
    """Arrays and the axis that numbers their groups, small ones first; all numbers are eighths."""
    yield np.array([[3.0, 4.0]]), 0
    yield np.array([[3.0], [4.0]]), 1
    yield np.array([[3.0, -4.0], [0.0, 0.0]]), 0
    yield np.array([[1.0, -1.0, 1.0, 1.0], [3.0, 0.0, 0.5, 0.0]]), 0
    yield np.array([[2.0, 0.0, -0.5], [-1.5, 0.0, 0.25]]), 1
    rng = np.random.default_rng(0)
    for shape, axis in (((3, 4), 0), ((3, 4), 1), ((3, 2, 2, 2), 0), ((2, 3, 2), 1), ((5,), 0)):
        yield rng.integers(-24, 25, shape) / 8, axis
    yield (rng.integers(-24, 25, (4, 3)) / 8).T, 1
    yield (rng.integers(-24, 25, (3, 5)) / 8).astype(np.float32), 0


def _inner(w: np.ndarray, axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(w.ndim) if other != axis)


def _sums(w: np.ndarray, axis: int, keep: bool = True) -> np.ndarray:
    """The sums of the groups."""
    return np.sum(w, axis=_inner(w, axis), keepdims=keep)


def _norms(w: np.ndarray, axis: int) -> np.ndarray:
    return np.sqrt(_sums(w * w, axis))


def _size(w: np.ndarray, axis: int) -> int:
    return w.size // w.shape[axis]


def group_norms(answer: Answer) -> None:
    """group_norms(w, axis): the length of each group of w; axis numbers the groups; (w.shape[axis],)."""

    def wanted(w: np.ndarray, axis: int) -> np.ndarray:
        lengths = [sum(float(entry) ** 2 for entry in group.flat) ** 0.5 for group in np.moveaxis(w, axis, 0)]
        return np.array(lengths, w.dtype)

    answer.compare(
        ({"w": w, "axis": axis} for w, axis in _arrays()),
        wanted,
        mistakes={
            "you sum along the axis that numbers the groups. It says which group; the sum runs over all the other axes.": (
                lambda w, axis: np.sqrt(np.sum(w * w, axis=axis))
            ),
            "the numbers are right, but the axes within a group are still there, with length 1: keepdims is not wanted here.": (
                _norms
            ),
            "these are the squares of the lengths: 3 and 4 have the length 5.": lambda w, axis: _sums(w * w, axis, False),
            "these are sums of sizes, the l1 norms of the groups. A length is the root of a sum of squares.": (
                lambda w, axis: _sums(np.abs(w), axis, False)
            ),
            "that is the root of the mean square. The length has the sum.": lambda w, axis: np.sqrt(
                _sums(w * w, axis, False) / _size(w, axis)
            ),
            "that is the largest entry of each group; all of its entries count.": lambda w, axis: np.max(
                np.abs(w), axis=_inner(w, axis)
            ),
            "that is one length for the whole array: each group has its own.": lambda w, axis: np.sqrt((w * w).sum()),
            "you take the price sqrt(n_g) along; only the length is asked for.": lambda w, axis: np.sqrt(
                _sums(w * w, axis, False) * _size(w, axis)
            ),
        },
    )


def _scaled(v: np.ndarray, lengths: np.ndarray, left: np.ndarray) -> np.ndarray:
    """v times left/lengths, and 0 where the length is 0: groups that get the length `left`."""
    return v * np.where(lengths > 0, left / np.where(lengths > 0, lengths, 1), 0)


def _with_lengths(v: np.ndarray, lengths: np.ndarray, k: float) -> np.ndarray:
    return _scaled(v, lengths, np.maximum(lengths - k, 0))


def _shorten(v: np.ndarray, k: float, axis: int) -> np.ndarray:
    return _with_lengths(v, _norms(v, axis), k)


def _refuse_nan(answer: Answer, inputs: Iterator[Inputs], wanted: Callable[..., np.ndarray]) -> None:
    """Of all mistakes this is told first: with nan in it, a result is like no other."""
    quietly = Answer(answer.name, answer.function)  # what else is wrong, and how much is tried, is for compare
    for case in inputs:
        yours = None
        with contextlib.suppress(CheckFailed):
            yours = quietly.call(case)
        if isinstance(yours, np.ndarray) and yours.dtype.kind == "f" and np.isnan(yours).any():
            hint = "a group of zeros has become nan: its length is 0, and 0/0 is no number. What is to stay of nothing?"
            answer.fail(case, yours, wanted(**case), hint)


def shorten_groups(answer: Answer) -> None:
    """shorten_groups(v, k, axis): argmin over x of the sum over groups of k ||x_g|| + ||x_g - v_g||^2/2; 0 for zero groups."""

    def inputs() -> Iterator[Inputs]:
        for v, axis in _arrays():
            for k in (2.0, 5.0, 0.5, 0.0):
                yield {"v": v, "k": k, "axis": axis}

    def wanted(v: np.ndarray, k: float, axis: int) -> np.ndarray:
        lengths = _norms(v.astype(np.float64), axis)
        return _scaled(v, lengths, best_x(lambda x: k * np.abs(x), lengths)).astype(v.dtype)

    def one_group(v: np.ndarray, k: float, axis: int) -> np.ndarray:
        length = np.sqrt((v * v).sum())
        return v * max(1 - k / length, 0) if length > 0 else v

    _refuse_nan(answer, inputs(), wanted)
    answer.compare(
        inputs(),
        wanted,
        exact_zeros=True,
        mistakes={
            "each weight is thresholded on its own. A group is shortened as a whole: how long is it?": (
                lambda v, k, axis: soft(v, k)
            ),
            "your lengths run along the axis that numbers the groups: they belong to the other axes.": lambda v, k, axis: (
                _with_lengths(v, np.sqrt(np.sum(v * v, axis=axis, keepdims=True)), k)
            ),
            "the whole array is one group for you: each group has a length of its own.": one_group,
            "short groups come out on the other side of zero: what is left of a length that is less than k?": (
                lambda v, k, axis: _scaled(v, _norms(v, axis), _norms(v, axis) - k)
            ),
            "what you keep is kept whole. The length costs k for every unit of it: the long pay too.": lambda v, k, axis: (
                np.where(_norms(v, axis) > k, v, 0)
            ),
            "you divide by the square of the length: there is a root missing.": lambda v, k, axis: (
                v * np.where(_norms(v, axis) > 0, np.maximum(1 - k / np.maximum(_norms(v, axis), 1e-9) ** 2, 0), 0)
            ),
            "your length is the sum of the sizes, the l1 norm: 3 and 4 have the length 5.": lambda v, k, axis: _with_lengths(
                v, _sums(np.abs(v), axis), k
            ),
            "k is all that a group pays for a unit of length: no root of its size comes on top.": lambda v, k, axis: _shorten(
                v, k * _size(v, axis) ** 0.5, axis
            ),
        },
    )


def sparse_group_prox(answer: Answer) -> None:
    """sparse_group_prox(v, lam1, lam2, axis): the prox of lam1 ||x||_1 + lam2 sum_g sqrt(n_g) ||x_g||, for the step 1."""

    def inputs() -> Iterator[Inputs]:
        for v, axis in _arrays():
            for lam1, lam2 in ((0.5, 1.0), (1.0, 0.25), (0.125, 2.0), (0.5, 0.0), (0.0, 0.5)):
                yield {"v": v, "lam1": lam1, "lam2": lam2, "axis": axis}

    def block(v: np.ndarray, lam: float, axis: int) -> np.ndarray:
        return _shorten(v, lam * _size(v, axis) ** 0.5, axis)

    def wanted(v: np.ndarray, lam1: float, lam2: float, axis: int) -> np.ndarray:
        return SparseGroupLasso(lam1, lam2, groups=axis).prox(v, 1.0)

    _refuse_nan(answer, inputs(), wanted)
    answer.compare(
        inputs(),
        wanted,
        exact_zeros=True,
        mistakes={
            "the order is reversed: shortened first, the group no longer points where it did when its weights are taken.": (
                lambda v, lam1, lam2, axis: soft(block(v, lam2, axis), lam1)
            ),
            "something of lam2's price is missing: a large group pays more for a unit of length than a small one.": (
                lambda v, lam1, lam2, axis: _shorten(soft(v, lam1), lam2, axis)
            ),
            "you multiply lam2 by n_g: there is a root missing.": lambda v, lam1, lam2, axis: _shorten(
                soft(v, lam1), lam2 * _size(v, axis), axis
            ),
            "n_g is how many weights there are in a group, and not how many groups.": lambda v, lam1, lam2, axis: _shorten(
                soft(v, lam1), lam2 * v.shape[axis] ** 0.5, axis
            ),
            "n_g is how many weights there are in one group, and not in the whole array.": lambda v, lam1, lam2, axis: _shorten(
                soft(v, lam1), lam2 * v.size**0.5, axis
            ),
            "lam1 and lam2 are exchanged: which of them is the price of single weights?": lambda v, lam1, lam2, axis: block(
                soft(v, lam2), lam1, axis
            ),
            "single weights are thresholded, but no group is shortened.": lambda v, lam1, lam2, axis: soft(v, lam1),
            "groups are shortened, but lam1 does nothing.": lambda v, lam1, lam2, axis: block(v, lam2, axis),
            "both thresholds are applied to v, and their losses added. The second has to work on what the first has left.": (
                lambda v, lam1, lam2, axis: soft(v, lam1) + block(v, lam2, axis) - v
            ),
            "the price sqrt(n_g) belongs to the groups alone: single weights pay lam1.": lambda v, lam1, lam2, axis: block(
                soft(v, lam1 * _size(v, axis) ** 0.5), lam2, axis
            ),
        },
    )


def keep_groups(answer: Answer) -> None:
    """keep_groups(v, lam, axis): argmin over x of lam sum_g sqrt(n_g) [x_g != 0] + ||x - v||^2/2, 0 at a tie."""

    def inputs() -> Iterator[Inputs]:
        for v, axis in _arrays():
            for lam in (1.0, 8.0, 0.25, 2.0, 0.0):
                yield {"v": v, "lam": lam, "axis": axis}

    def wanted(v: np.ndarray, lam: float, axis: int) -> np.ndarray:
        x = v.copy()
        groups = np.moveaxis(x, axis, 0)  # a view: what is written into it stands in x
        for g, group in enumerate(groups):
            to_keep, to_drop = lam * np.size(group) ** 0.5, sum(float(entry) ** 2 for entry in group.flat) / 2
            if to_drop <= to_keep:
                groups[g] = 0
        return x

    def kept(v: np.ndarray, axis: int, threshold: float) -> np.ndarray:
        return np.where(_norms(v, axis) > threshold, v, 0)

    answer.compare(
        inputs(),
        wanted,
        exact_zeros=True,
        mistakes={
            "at a tie, where both cost the same, the group is to be dropped.": lambda v, lam, axis: np.where(
                _norms(v, axis) >= np.sqrt(2 * lam * np.sqrt(_size(v, axis))), v, 0
            ),
            "a group pays lam for you, however large it is: where is sqrt(n_g)?": lambda v, lam, axis: kept(
                v, axis, np.sqrt(2 * lam)
            ),
            "to drop a group costs half of its squared length: the half is missing.": lambda v, lam, axis: kept(
                v, axis, np.sqrt(lam * np.sqrt(_size(v, axis)))
            ),
            "you compare the length with the price. Dropping a group costs something else than its length.": (
                lambda v, lam, axis: kept(v, axis, lam * np.sqrt(_size(v, axis)))
            ),
            "you shorten what you keep: that is the group lasso. Here a group that stays pays the same, whatever is in it.": (
                lambda v, lam, axis: _shorten(v, lam * _size(v, axis) ** 0.5, axis)
            ),
            "each weight is kept or dropped on its own. The price is for the group: keep or drop all of it.": (
                lambda v, lam, axis: np.where(np.abs(v) > np.sqrt(2 * lam * np.sqrt(_size(v, axis))), v, 0)
            ),
            "a group pays lam n_g for you: a root is missing.": lambda v, lam, axis: kept(
                v, axis, np.sqrt(2 * lam * _size(v, axis))
            ),
            "you keep the short groups and drop the long ones.": lambda v, lam, axis: np.where(
                _norms(v, axis) <= np.sqrt(2 * lam * np.sqrt(_size(v, axis))), v, 0
            ),
            "your sums run along the axis that numbers the groups: they belong to the other axes.": lambda v, lam, axis: (
                np.where(np.sum(v * v, axis=axis, keepdims=True) / 2 > lam * np.sqrt(v.shape[axis]), v, 0)
            ),
        },
    )
