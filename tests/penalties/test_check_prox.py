"""minisgl.testing.check_prox: every penalty of ours passes, and each planted fault is found with its sentence."""

from dataclasses import dataclass

import numpy as np
import pytest
from support.penalties import every

from minisgl.penalties import L0, L1, MCP, SCAD, GroupLasso, L1MinusL2, SparseGroupL0
from minisgl.penalties.groups import block_soft
from minisgl.testing import check_prox


@every
def test_our_own_pass(penalty):
    check_prox(penalty, shapes=[(3, 2)])


@dataclass(frozen=True)
class Planted:
    """The value of one penalty and the prox of another."""

    of_value: object
    of_prox: object

    def value(self, w):
        return self.of_value.value(w)

    def prox(self, v, step, out=None):
        return self.of_prox.prox(v, step, out)


class SoftAfterGroup(GroupLasso):
    """Soft thresholding and block soft thresholding in the wrong order."""

    def value(self, w):
        return super().value(w) + L1(0.3).value(w)

    def prox(self, v, step, out=None):
        return L1(0.3).prox(super().prox(v, step), step, out)


class WithoutRootOfSize(GroupLasso):
    """The group's price forgets sqrt(n_g)."""

    def prox(self, v, step, out=None):
        return block_soft(v, step * self.lam, self.groups, out)


@pytest.mark.parametrize(
    "wrong",
    [
        Planted(L1(0.3), L0(0.3)),  # hard thresholding with l1's value
        Planted(L0(0.3), L1(0.3)),
        Planted(L1(0.3), L1(0.31)),
        Planted(L1(0.3), L1(-0.0)),  # no thresholding at all
        Planted(SCAD(0.3), MCP(0.3)),
        Planted(SCAD(0.3, 3.7), SCAD(0.3, 3.6)),
        Planted(L1MinusL2(0.3), L1(0.3)),
        Planted(L1MinusL2(0.3, 0.5), L1MinusL2(0.3, 1.0)),
        Planted(SparseGroupL0(0.3, 0.2, 0), SparseGroupL0(0.3, 0.2, 1)),  # the wrong axis
        SoftAfterGroup(0.5, 0),
        WithoutRootOfSize(0.5, 0),
    ],
    ids=repr,
)
def test_a_prox_that_does_not_fit_its_value_is_beaten(wrong):
    with pytest.raises(
        AssertionError, match=r"^your prox is beaten at v = \[.*\], step [\d.]+: it gives \[.*; at \[.* it is [\d.e-]+$"
    ):
        check_prox(wrong)


class Interface(L1):
    """l1 with one thing wrong about its arrays."""

    def __init__(self, fault):
        super().__init__(0.3)
        object.__setattr__(self, "fault", fault)

    def value(self, w):
        return {"value": np.float32(1), "negative": -1.0, "nan": float("nan")}.get(self.fault, super().value(w))

    def prox(self, v, step, out=None):
        if self.fault == "dtype":
            return super().prox(v, step).astype(np.float64)
        if self.fault == "writes":
            return super().prox(v, step, v)
        if self.fault == "out":
            return super().prox(v, step)
        if self.fault == "in place" and out is v:
            v[...] = 0
        return super().prox(v, step, out)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("value", "value must be a finite float >= 0, but is np.float32"),
        ("negative", "value must be a finite float >= 0, but is -1.0"),
        ("nan", "value must be a finite float >= 0, but is nan"),
        ("dtype", r"prox must give an array of v's shape \(1, 1\) and dtype float32, but gives ndarray of float64"),
        ("writes", "prox must leave v as it is, but changes it at v = "),
        ("out", "prox must write into out and return it, but does not at v = "),
        ("in place", "prox must give the same when out is v itself, but does not at v = "),
    ],
)
def test_what_is_wrong_with_the_arrays_is_named(fault, sentence):
    with pytest.raises(AssertionError, match=f"^{sentence}"):
        check_prox(Interface(fault))
