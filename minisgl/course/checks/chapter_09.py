"""The tasks of chapter 09: groups with l0."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import group_arrays
from minisgl.course.checks.group_lengths import keep_longer, norms, shorten, size, sums
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import hard


def _keep_groups_inputs() -> Iterator[Inputs]:
    for v, axis in group_arrays():
        for lam in (1.0, 8.0, 0.25, 2.0, 0.0):
            yield {"v": v, "lam": lam, "axis": axis}
    yield {"v": np.array([2.0, -2.0, 0.5, 4.0]), "lam": 2.0, "axis": 0}  # two ties


def _keep_groups_reference(v: np.ndarray, lam: float, axis: int) -> np.ndarray:
    x = v.copy()
    groups = np.moveaxis(x, axis, 0)  # a view: what is written into it stands in x
    for g, group in enumerate(groups):
        to_keep, to_drop = lam * np.size(group) ** 0.5, sum(float(entry) ** 2 for entry in group.flat) / 2
        if to_drop <= to_keep:
            groups[g] = 0
    return x


def _best_of_group_inputs() -> Iterator[Inputs]:
    """Groups whose weights all have different sizes: then there is only one best x."""
    rng = np.random.default_rng(0)
    yield {"v": np.array([1.2, 1.1]), "lam0": 0.5, "k": 0.7}
    yield {"v": np.array([2.0]), "lam0": 0.25, "k": 0.5}
    yield {"v": np.array([0.5, -3.0, 4.0]), "lam0": 0.5, "k": 1.0}
    for n in (1, 2, 3, 4, 6, 8):
        for lam0, k in ((0.5, 0.7), (0.1, 1.5), (1.5, 0.25), (0.25, 0.0), (0.0, 0.5)):
            yield {"v": rng.normal(0, 1.5, n), "lam0": lam0, "k": k}
    yield {"v": rng.normal(0, 1.5, 5).astype(np.float32), "lam0": 0.25, "k": 0.5}


def _best_of_group_reference(v: np.ndarray, lam0: float, k: float) -> np.ndarray:
    """The best of all subsets of the weights, each shortened by k."""
    subsets = np.array(list(np.ndindex(*(2,) * v.size)))  # (2^n, n), the empty one first
    tried = shorten(v.astype(np.float64) * subsets, k, axis=0)  # (2^n, n): the groups are the rows
    cost = lam0 * (tried != 0).sum(axis=1) + k * norms(tried, 0)[:, 0] + ((tried - v) ** 2).sum(axis=1) / 2
    return np.asarray(tried[cost.argmin()]).astype(v.dtype)


def _all_or_nothing(v: np.ndarray, price: float, k: float) -> np.ndarray:
    """All of v, shortened by k, if that is worth the price; otherwise 0."""
    gain = max(np.sqrt((v * v).sum()) - k, 0) ** 2 / 2
    return shorten(v[None], k, axis=0)[0] if gain > price else np.zeros_like(v)


def _not_shortened(v: np.ndarray, lam0: float, k: float) -> np.ndarray:
    return np.where(_best_of_group_reference(v, lam0, k) != 0, v, 0)


TASKS = (
    Task(
        signature="keep_groups(v, lam, axis)",
        asks="argmin over x of lam sum_g sqrt(n_g) [x_g != 0] + ||x - v||^2/2, 0 at a tie.",
        inputs=_keep_groups_inputs,
        reference=_keep_groups_reference,
        exact_zeros=True,
        mistakes={
            "at a tie, where both cost the same, the group is to be dropped.": lambda v, lam, axis: np.where(
                norms(v, axis) >= np.sqrt(2 * lam * np.sqrt(size(v, axis))), v, 0
            ),
            "in yours a group costs lam, however large it is: where is sqrt(n_g)?": lambda v, lam, axis: keep_longer(
                v, axis, np.sqrt(2 * lam)
            ),
            "dropping a group costs half of its squared length: the factor 1/2 is missing.": lambda v, lam, axis: keep_longer(
                v, axis, np.sqrt(lam * np.sqrt(size(v, axis)))
            ),
            "you compare the length with the price. The cost of dropping a group is not its length.": (
                lambda v, lam, axis: keep_longer(v, axis, lam * np.sqrt(size(v, axis)))
            ),
            "you shorten what you keep: that is the group lasso. Here a group that stays pays the same, whatever is in it.": (
                lambda v, lam, axis: shorten(v, lam * size(v, axis) ** 0.5, axis)
            ),
            "each weight is kept or dropped on its own. The price is for the group: keep or drop all of it.": (
                lambda v, lam, axis: np.where(np.abs(v) > np.sqrt(2 * lam * np.sqrt(size(v, axis))), v, 0)
            ),
            "in yours a group costs lam n_g: a root is missing.": lambda v, lam, axis: keep_longer(
                v, axis, np.sqrt(2 * lam * size(v, axis))
            ),
            "you keep the short groups and drop the long ones.": lambda v, lam, axis: np.where(
                norms(v, axis) <= np.sqrt(2 * lam * np.sqrt(size(v, axis))), v, 0
            ),
            "your sums run along the axis that numbers the groups: they belong to the other axes.": lambda v, lam, axis: (
                np.where(np.sum(v * v, axis=axis, keepdims=True) / 2 > lam * np.sqrt(v.shape[axis]), v, 0)
            ),
            "n_g is how many weights there are in a group, and not how many groups.": lambda v, lam, axis: keep_longer(
                v, axis, np.sqrt(2 * lam * np.sqrt(v.shape[axis]))
            ),
            "you treat the whole array as one group. Each group is kept or dropped by itself.": lambda v, lam, axis: np.where(
                np.sqrt((v * v).sum()) > np.sqrt(2 * lam * np.sqrt(size(v, axis))), v, 0
            ),
            "you add the sizes in a group. To drop it costs half of a sum of squares.": lambda v, lam, axis: np.where(
                sums(np.abs(v), axis) > np.sqrt(2 * lam * np.sqrt(size(v, axis))), v, 0
            ),
            "your threshold is too low by a factor 2: is the factor 1/2 on the right side?": lambda v, lam, axis: keep_longer(
                v, axis, np.sqrt(lam / 2 * np.sqrt(size(v, axis)))
            ),
        },
    ),
    Task(
        signature="best_of_group(v, lam0, k)",
        asks="argmin over x of lam0 ||x||_0 + k ||x|| + ||x - v||^2/2 for one group, v (n,); lam0 and k >= 0.",
        inputs=_best_of_group_inputs,
        reference=_best_of_group_reference,
        exact_zeros=True,
        mistakes={
            "that is the composition: hard thresholding does not know that the group will be shortened.": (
                lambda v, lam0, k: shorten(hard(v, np.sqrt(2 * lam0))[None], k, axis=0)[0]
            ),
            "lam0 does nothing in yours: every weight that is kept costs lam0.": lambda v, lam0, k: shorten(v[None], k, 0)[0],
            "in yours the group pays lam0 once. Every weight that is kept pays it.": _all_or_nothing,
            "the right weights are kept, but they are not shortened: length costs k a unit.": _not_shortened,
            "you shorten by the length of all of v. What counts is the length of what is kept.": lambda v, lam0, k: (
                _not_shortened(v, lam0, k) * max(1 - k / np.sqrt((v * v).sum()), 0)
            ),
            "you keep all weights or none: compare every j in between as well.": lambda v, lam0, k: _all_or_nothing(
                v, lam0 * v.size, k
            ),
            "you shorten first and threshold what is left: the dropped weights still count as length.": lambda v, lam0, k: hard(
                shorten(v[None], k, axis=0)[0], np.sqrt(2 * lam0)
            ),
            "k does nothing in yours: what is the price of the group's length?": lambda v, lam0, k: hard(v, np.sqrt(2 * lam0)),
            "k is the price of length already: do not multiply it by the root of the group's size.": lambda v, lam0, k: (
                _best_of_group_reference(v, lam0, k * v.size**0.5)
            ),
        },
    ),
)
