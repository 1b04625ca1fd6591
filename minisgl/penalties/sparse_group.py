"""Sparse groups: a penalty on single weights plus the group lasso, with one exact prox for the sum.

    SparseGroupLasso   value(w) = lam_l1 ||w||_1 + lam_group * sum_g sqrt(n_g) ||w_g||
                       prox(v) = block_soft(soft(v, step * lam_l1), k),   k = step * lam_group * sqrt(n_g)

    SparseGroupL0      value(w) = lam_l0 ||w||_0 + lam_group * sum_g sqrt(n_g) ||w_g||
                       prox(v)_g = block_soft of the j largest |v_i| of the group, for the best j = 0, 1, ..., n_g

Derivation, l1. Both penalties are convex, so x is the prox exactly when v - x = step * lam_l1 * s + k * u for a subgradient s
of ||.||_1 and u of ||.||_2 at x. Let z = soft(v): v - z = step * lam_l1 * s with s a subgradient at z. block_soft scales z by a
factor >= 0, so x keeps z's signs (or is 0): s is a subgradient at x too, and z - x = k u because x is the prox of z under the
group lasso. The order matters: first soft, then block_soft.

Derivation, l0. Hard thresholding followed by block_soft is not the prox. Suppose x has j non-zero entries. For given positions
the best x is block_soft of v there. It costs step * lam_l0 * j + k c - k^2/2 - c^2/2 + ||v||^2/2, with c the length of v at
those positions, if c > k (otherwise 0 is better). This falls as c grows beyond k, so the positions are those of the j largest
entries. It remains to compare j = 0, ..., n_g; at a tie the smallest j is chosen.

Sources: Simon, Friedman, Hastie, Tibshirani, "A sparse-group lasso", J. Comput. Graph. Stat. 22 (2013); l0 derived here.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.penalties.blocks import in_blocks
from minisgl.penalties.checks import require_nonnegative, scaled_by
from minisgl.penalties.group_lasso import GroupLasso
from minisgl.penalties.groups import Axes, block_soft, in_chunks, root_size, within
from minisgl.penalties.l0 import L0
from minisgl.penalties.l1 import L1


@dataclass(frozen=True)
class SparseGroupLasso:
    """lam_l1 ||w||_1 + lam_group * sum_g sqrt(n_g) ||w_g||; both >= 0, else ValueError. Convex.

    prox: soft thresholding at step * lam_l1, then each group shortened by step * lam_group * sqrt(n_g); no jump.
    Source: Simon, Friedman, Hastie, Tibshirani (2013).
    """

    lam_l1: float
    lam_group: float
    groups: Axes

    def __post_init__(self) -> None:
        require_nonnegative("lam_l1", self.lam_l1)
        require_nonnegative("lam_group", self.lam_group)

    def value(self, w: Array) -> float:
        """The sum of both penalties."""
        return L1(self.lam_l1).value(w) + GroupLasso(self.lam_group, self.groups).value(w)

    def step_for(self, threshold: float) -> float:
        """The step of l1: weights up to `threshold` become 0, and larger ones only if their whole group does."""
        return L1(self.lam_l1).step_for(threshold)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Soft thresholding, then block soft thresholding; step > 0."""
        k = scaled_by(step, self.lam_group) * root_size(v, self.groups)
        z = L1(self.lam_l1).prox(v, step, out)
        return block_soft(z, k, self.groups, z)


@dataclass(frozen=True)
class SparseGroupL0:
    """lam_l0 ||w||_0 + lam_group * sum_g sqrt(n_g) ||w_g||; both >= 0, else ValueError. Not convex.

    prox: each group's j largest weights, for the best j, shortened by step * lam_group * sqrt(n_g). Weights up to
    sqrt(2 step lam_l0) always become 0, and the prox jumps where j changes. Source: derived above.
    """

    lam_l0: float
    lam_group: float
    groups: Axes

    def __post_init__(self) -> None:
        require_nonnegative("lam_l0", self.lam_l0)
        require_nonnegative("lam_group", self.lam_group)

    def value(self, w: Array) -> float:
        """The sum of both penalties."""
        return L0(self.lam_l0).value(w) + GroupLasso(self.lam_group, self.groups).value(w)

    def step_for(self, threshold: float) -> float:
        """The step of l0: weights up to `threshold` become 0, and larger ones may, depending on their group."""
        return L0(self.lam_l0).step_for(threshold)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The comparison above, group by group; step > 0. Sorts each group: O(n_g log n_g)."""
        xp, inner, each = get_array_module(v), within(v, self.groups), scaled_by(step, self.lam_l0)
        order = tuple(axis for axis in range(v.ndim) if axis not in inner) + inner  # groups first
        size = prod(v.shape[axis] for axis in inner)  # n_g
        k = scaled_by(step, self.lam_group) * root_size(v, self.groups)

        def choose(v: Array, out: Array) -> None:
            groups_first = v.transpose(order)
            rows = groups_first.reshape(-1, size)  # (G, n_g)
            by_size = xp.argsort(-xp.abs(rows), axis=1)
            largest_first = xp.take_along_axis(rows, by_size, axis=1)
            squares = xp.cumsum(largest_first.astype("float64") ** 2, axis=1)
            c = xp.sqrt(squares)  # length of the j largest, j = 1..n_g
            j = xp.arange(1, size + 1)
            with np.errstate(invalid="ignore"):  # inf - inf: these groups are replaced below
                cost = each * j + xp.where(c > k, k * c - k * k / 2 - squares / 2, 0)
            best = xp.argmin(cost, axis=1, keepdims=True)  # the smallest j at a tie
            kept = xp.where(xp.take_along_axis(cost, best, axis=1) < 0, best + 1, 0)  # (G, 1): j = 0 costs 0

            rank = xp.argsort(by_size, axis=1)  # of each entry by size within its group; 0 is the largest
            scale = 1 - k / xp.maximum(xp.take_along_axis(c, best, axis=1), k if k > 0 else 1)
            with np.errstate(invalid="ignore"):
                x = xp.where(rank < kept, rows * scale.astype(v.dtype), 0)
            whole = c[:, -1:]  # (G, 1): next to an infinite entry the others are not shortened; a NaN makes its group NaN
            x = xp.where(xp.isnan(whole), xp.nan, xp.where(xp.isinf(whole), L0(self.lam_l0).prox(rows, step), x))
            out[...] = x.reshape(groups_first.shape).transpose([order.index(axis) for axis in range(v.ndim)])

        if each == k == 0:
            return in_blocks(lambda block: block, v, out)
        return in_chunks(choose, v, self.groups, out)
