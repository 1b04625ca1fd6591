"""The tasks of chapter 08: groups."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import group_arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.group_lengths import block, inner, norms, scaled, shorten, size, sums, with_lengths
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import soft
from minisgl.penalties import SparseGroupLasso


def _group_norms_reference(w: np.ndarray, axis: int) -> np.ndarray:
    lengths = [sum(float(entry) ** 2 for entry in group.flat) ** 0.5 for group in np.moveaxis(w, axis, 0)]
    return np.array(lengths, w.dtype)


def _shorten_groups_inputs() -> Iterator[Inputs]:
    for v, axis in group_arrays():
        for k in (2.0, 5.0, 0.5, 0.0):
            yield {"v": v, "k": k, "axis": axis}


def _shorten_groups_reference(v: np.ndarray, k: float, axis: int) -> np.ndarray:
    lengths = norms(v.astype(np.float64), axis)
    return scaled(v, lengths, best_x(lambda x: k * np.abs(x), lengths)).astype(v.dtype)


def _one_group(v: np.ndarray, k: float, axis: int) -> np.ndarray:
    length = np.sqrt((v * v).sum())
    return v * max(1 - k / length, 0) if length > 0 else v


def _sparse_group_prox_inputs() -> Iterator[Inputs]:
    for v, axis in group_arrays():
        for lam1, lam2 in ((0.5, 1.0), (1.0, 0.25), (0.125, 2.0), (0.5, 0.0), (0.0, 0.5)):
            yield {"v": v, "lam1": lam1, "lam2": lam2, "axis": axis}


def _sparse_group_prox_reference(v: np.ndarray, lam1: float, lam2: float, axis: int) -> np.ndarray:
    return SparseGroupLasso(lam1, lam2, groups=axis).prox(v, 1.0)


def _counting_those_left(v: np.ndarray, lam1: float, lam2: float, axis: int) -> np.ndarray:
    z = soft(v, lam1)
    return scaled(z, norms(z, axis), np.maximum(norms(z, axis) - lam2 * np.sqrt(sums(z != 0, axis)), 0))


TASKS = (
    Task(
        signature="group_norms(w, axis)",
        asks="The length of each group of w, (w.shape[axis],); axis numbers the groups.",
        inputs=lambda: ({"w": w, "axis": axis} for w, axis in group_arrays()),
        reference=_group_norms_reference,
        mistakes={
            "you sum along the axis that numbers the groups. It says which group; the sum runs over all the other axes.": (
                lambda w, axis: np.sqrt(np.sum(w * w, axis=axis))
            ),
            "the numbers are right, but the axes within a group are still there, with length 1: keepdims is not wanted here.": (
                norms
            ),
            "these are the squares of the lengths: (3, 4) has the length 5.": lambda w, axis: sums(w * w, axis, False),
            "these are sums of sizes, the l1 norms of the groups. A length is the root of a sum of squares.": (
                lambda w, axis: sums(np.abs(w), axis, False)
            ),
            "that is the root of the mean square. The length has the sum.": lambda w, axis: np.sqrt(
                sums(w * w, axis, False) / size(w, axis)
            ),
            "that is the largest entry of each group; all of its entries count.": lambda w, axis: np.max(
                np.abs(w), axis=inner(w, axis)
            ),
            "that is one length for the whole array: each group has its own.": lambda w, axis: np.sqrt((w * w).sum()),
            "you multiply by the price sqrt(n_g); only the length is asked for.": lambda w, axis: np.sqrt(
                sums(w * w, axis, False) * size(w, axis)
            ),
            "reshape does not move the axis to the front: which entries are in a row of yours?": lambda w, axis: np.linalg.norm(
                w.reshape(w.shape[axis], -1), axis=1
            ),
            "entries of opposite sign cancel in your sums: what does each add to the length?": lambda w, axis: np.abs(
                sums(w, axis, False)
            ),
            "these are half of the squares of the lengths: (3, 4) has the length 5.": lambda w, axis: (
                sums(w * w, axis, False) / 2
            ),
        },
    ),
    Task(
        signature="shorten_groups(v, k, axis)",
        asks="argmin over x of the sum over groups of k ||x_g|| + ||x_g - v_g||^2/2; 0 for zero groups.",
        inputs=_shorten_groups_inputs,
        reference=_shorten_groups_reference,
        exact_zeros=True,
        mistakes={
            "each weight is thresholded on its own. A group is shortened as a whole: how long is it?": (
                lambda v, k, axis: soft(v, k)
            ),
            "your lengths run along the axis that numbers the groups: they belong to the other axes.": lambda v, k, axis: (
                with_lengths(v, np.sqrt(np.sum(v * v, axis=axis, keepdims=True)), k)
            ),
            "you treat the whole array as one group: each group has its own length.": _one_group,
            "short groups come out on the other side of zero: what is left of a length that is less than k?": (
                lambda v, k, axis: scaled(v, norms(v, axis), norms(v, axis) - k)
            ),
            "you do not shorten what you keep. Each unit of length costs k, for long groups too.": lambda v, k, axis: np.where(
                norms(v, axis) > k, v, 0
            ),
            "you divide by the square of the length: there is a root missing.": lambda v, k, axis: (
                v * np.where(norms(v, axis) > 0, np.maximum(1 - k / np.maximum(norms(v, axis), 1e-9) ** 2, 0), 0)
            ),
            "your length is the sum of the sizes, the l1 norm: (3, 4) has the length 5.": lambda v, k, axis: with_lengths(
                v, sums(np.abs(v), axis), k
            ),
            "k is all that a group pays for a unit of length: do not multiply by the root of its size.": lambda v, k, axis: (
                shorten(v, k * size(v, axis) ** 0.5, axis)
            ),
            "you multiply v by the length that is to be left. How long is v already?": lambda v, k, axis: (
                v * np.maximum(norms(v, axis) - k, 0)
            ),
            "each entry of a kept group loses k. The group loses k in all, and its direction stays.": lambda v, k, axis: (
                np.where(norms(v, axis) > k, v - k * np.sign(v), 0)
            ),
            "the groups get longer: a price of length makes them shorter.": lambda v, k, axis: scaled(
                v, norms(v, axis), norms(v, axis) + k
            ),
            "every group gets the length k. k is what it loses.": lambda v, k, axis: scaled(
                v, norms(v, axis), np.full_like(norms(v, axis), k)
            ),
        },
    ),
    Task(
        signature="sparse_group_prox(v, lam1, lam2, axis)",
        asks="The prox of lam1 ||x||_1 + lam2 sum_g sqrt(n_g) ||x_g||, for the step 1.",
        inputs=_sparse_group_prox_inputs,
        reference=_sparse_group_prox_reference,
        exact_zeros=True,
        mistakes={
            "the order is reversed: shortened first, the group no longer points where it did when its weights are taken.": (
                lambda v, lam1, lam2, axis: soft(block(v, lam2, axis), lam1)
            ),
            "a factor of lam2 is missing: a large group pays more for a unit of length than a small one.": (
                lambda v, lam1, lam2, axis: shorten(soft(v, lam1), lam2, axis)
            ),
            "you multiply lam2 by n_g: there is a root missing.": lambda v, lam1, lam2, axis: shorten(
                soft(v, lam1), lam2 * size(v, axis), axis
            ),
            "n_g is how many weights there are in a group, and not how many groups.": lambda v, lam1, lam2, axis: shorten(
                soft(v, lam1), lam2 * v.shape[axis] ** 0.5, axis
            ),
            "n_g is how many weights there are in one group, and not in the whole array.": lambda v, lam1, lam2, axis: shorten(
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
                soft(v, lam1 * size(v, axis) ** 0.5), lam2, axis
            ),
            "you take the length of v. Which vector is shortened in the second step?": lambda v, lam1, lam2, axis: with_lengths(
                soft(v, lam1), norms(v, axis), lam2 * size(v, axis) ** 0.5
            ),
            "n_g counts all weights of a group, those that have become 0 as well.": _counting_those_left,
            "you divide lam2 by the root: is a unit of length dearer in a large group?": lambda v, lam1, lam2, axis: shorten(
                soft(v, lam1), lam2 / size(v, axis) ** 0.5, axis
            ),
            "the groups that are kept are not shortened: that would be right for an l0 price.": lambda v, lam1, lam2, axis: (
                np.where(norms(soft(v, lam1), axis) > lam2 * size(v, axis) ** 0.5, soft(v, lam1), 0)
            ),
        },
    ),
)
