"""The tasks of chapter 10: the prox of MCP and of SCAD, and the threshold of lp."""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import hard, soft

# ---- mcp_prox


def _mcp_inputs() -> Iterator[Inputs]:
    for v in arrays():
        for lam, gamma, step in ((0.5, 3.0, 1.0), (0.4, 3.0, 0.5), (0.7, 1.5, 1.25), (0.3, 4.0, 2.0)):
            yield {"v": v, "lam": lam, "gamma": gamma, "step": step}


def _mcp(x: np.ndarray, lam: float, gamma: float) -> np.ndarray:
    x = np.minimum(np.abs(x), gamma * lam)
    return lam * x - x**2 / (2 * gamma)


def _mcp_with(v: np.ndarray, t: float, divisor: float, end: float) -> np.ndarray:
    return np.where(np.abs(v) <= end, soft(v, t) / divisor, v)


# ---- lp_threshold


def _lowest_height(L: float, p: float) -> float:
    """min over x > 0 of x/2 + L x^(p-1), by finer and finer grids in log x."""
    low, high = -30.0, 10.0
    for _ in range(4):
        log_x = np.linspace(low, high, 4001)  # (4001,)
        heights = np.exp(log_x) / 2 + L * np.exp((p - 1) * log_x)  # (4001,)
        best, spacing = float(log_x[heights.argmin()]), (high - low) / 4000
        low, high = best - spacing, best + spacing
    return float(heights.min())


def _landing(L: float, p: float) -> float:
    return (2 * L * (1 - p)) ** (1 / (2 - p))


# ---- scad_prox


def _scad_inputs() -> Iterator[Inputs]:
    for v in arrays():
        for lam, a, step in ((0.5, 3.7, 1.0), (0.6, 3.0, 0.5), (0.4, 5.0, 2.0), (0.3, 4.0, 1.5)):
            yield {"v": v, "lam": lam, "a": a, "step": step}


def _scad(x: np.ndarray, lam: float, a: float) -> np.ndarray:
    x = np.minimum(np.abs(x), a * lam)
    return np.where(x <= lam, lam * x, (2 * a * lam * x - x**2 - lam**2) / (2 * (a - 1)))


def _scad_middle(v: np.ndarray, lam: float, a: float, step: float) -> np.ndarray:
    return ((a - 1) * np.abs(v) - a * step * lam) / (a - 1 - step)


def _scad_with(
    v: np.ndarray, lam: float, a: float, step: float, *, middle: np.ndarray | None = None, begin: float | None = None
) -> np.ndarray:
    """The three pieces, with another middle piece (of |v|), or with one that begins elsewhere."""
    size = np.abs(v)
    middle = _scad_middle(v, lam, a, step) if middle is None else middle
    begin = (1 + step) * lam if begin is None else begin
    inner = np.abs(soft(v, step * lam))
    return np.sign(v) * np.where(size <= begin, inner, np.where(size <= a * lam, middle, size))


TASKS = (
    Task(
        signature="mcp_prox(v, lam, gamma, step)",
        asks="argmin over x of step r(x) + (x - v)^2/2, entry by entry, r being MCP; 0 < step < gamma; v of any shape.",
        inputs=_mcp_inputs,
        reference=lambda v, lam, gamma, step: best_x(lambda x: step * _mcp(x, lam, gamma), v),
        exact_zeros=True,
        mistakes={
            "in the middle you divide by 1 - 1/gamma. How large is the curvature of step * r?": lambda v, lam, gamma, step: (
                _mcp_with(v, step * lam, 1 - 1 / gamma, gamma * lam)
            ),
            "the threshold does not know the step: how strongly does step * r pull at 0?": lambda v, lam, gamma, step: (
                _mcp_with(v, lam, 1 - step / gamma, gamma * lam)
            ),
            "the middle piece has slope 1, so it does not meet v at gamma lam. What curvature does the cost have there?": (
                lambda v, lam, gamma, step: _mcp_with(v, step * lam, 1.0, gamma * lam)
            ),
            "the middle piece is too flat: you multiply where you should divide.": lambda v, lam, gamma, step: _mcp_with(
                v, step * lam, 1 / (1 - step / gamma), gamma * lam
            ),
            "in the middle the price bends down: is the curvature of the cost more than 1, or less?": (
                lambda v, lam, gamma, step: _mcp_with(v, step * lam, 1 + step / gamma, gamma * lam)
            ),
            "in the divisor gamma is upside down: a larger gamma makes MCP more like l1.": lambda v, lam, gamma, step: (
                _mcp_with(v, step * lam, 1 - step * gamma, gamma * lam)
            ),
            "the middle piece goes on for ever. Where is MCP constant?": lambda v, lam, gamma, step: (
                soft(v, step * lam) / (1 - step / gamma)
            ),
            "that is the soft threshold of l1: MCP shrinks large entries less, and the largest not at all.": (
                lambda v, lam, gamma, step: soft(v, step * lam)
            ),
            "the middle piece ends at the wrong place: the price is constant from gamma lam on, not from gamma on.": (
                lambda v, lam, gamma, step: _mcp_with(v, step * lam, 1 - step / gamma, gamma)
            ),
            "that is the hard threshold for step >= gamma. Here the step is shorter.": lambda v, lam, gamma, step: hard(
                v, lam * sqrt(gamma * step)
            ),
            "the sign is lost: a negative v has a negative x.": lambda v, lam, gamma, step: np.abs(
                _mcp_with(v, step * lam, 1 - step / gamma, gamma * lam)
            ),
            "small entries come out on the other side of zero: what stops them there?": lambda v, lam, gamma, step: np.where(
                np.abs(v) <= gamma * lam, (v - step * lam * np.sign(v)) / (1 - step / gamma), v
            ),
            "you subtract the slope at v, where you start. The prox has it where it arrives.": lambda v, lam, gamma, step: (
                np.where(np.abs(v) <= gamma * lam, np.sign(v) * np.maximum(np.abs(v) - step * (lam - np.abs(v) / gamma), 0), v)
            ),
            "only the positive entries are right: negative ones are mirror images, not zero.": lambda v, lam, gamma, step: (
                np.maximum(_mcp_with(v, step * lam, 1 - step / gamma, gamma * lam), 0)
            ),
        },
    ),
    Task(
        signature="lp_threshold(L, p)",
        asks="The largest v for which the prox of L |x|^p is 0, one number; L > 0, 0 < p < 1.",
        inputs=lambda: [
            {"L": L, "p": p}
            for L, p in ((1.0, 0.5), (0.125, 0.5), (0.5, 0.5), (1.0, 2 / 3), (0.2, 0.3), (2.0, 0.8), (0.01, 0.1))
        ],
        reference=_lowest_height,
        mistakes={
            "that is the x where the prox lands. How high is h there?": _landing,
            "that is where f stops having a valley inside, not where the valley is as low as f(0).": lambda L, p: (
                (2 - p) / (1 - p) * (L * p * (1 - p)) ** (1 / (2 - p))
            ),
            "that is the threshold for p = 1/2. Here p is an argument.": lambda L, p: 1.5 * L ** (2 / 3),
            "that is the threshold of l0, where p is 0.": lambda L, p: sqrt(2 * L),
            "that is the threshold of l1, where p is 1.": lambda L, p: L,
            "h has two terms. You return half of x; the price per unit is missing.": lambda L, p: _landing(L, p) / 2,
            "h has two terms. You return the price per unit; half of x is missing.": lambda L, p: L * _landing(L, p) ** (p - 1),
            "the half of x/2 got lost: is h there x + L x^(p-1)?": lambda L, p: _landing(L, p) + L * _landing(L, p) ** (p - 1),
            "the place of the lowest point lacks a 2: what is the derivative of x/2?": lambda L, p: (
                (L * (1 - p)) ** (1 / (2 - p)) / 2 + L * (L * (1 - p)) ** ((p - 1) / (2 - p))
            ),
            "the price L x^p is not yet divided by x: h has x^(p-1).": lambda L, p: (
                _landing(L, p) / 2 + L * _landing(L, p) ** p
            ),
            "the root is the wrong one: x^(2-p) = ... needs the power 1/(2-p).": lambda L, p: (
                (2 * L * (1 - p)) ** (2 - p) * (2 - p) / (2 * (1 - p))
            ),
            "that is the cost of x where the prox lands, without v. h is that divided by x.": lambda L, p: (
                L * _landing(L, p) ** p + _landing(L, p) ** 2 / 2
            ),
            "the place of the lowest point lacks 1 - p: what is the derivative of x^(p-1)?": lambda L, p: (
                (2 * L) ** (1 / (2 - p)) / 2 + L * (2 * L) ** ((p - 1) / (2 - p))
            ),
        },
    ),
    Task(
        signature="scad_prox(v, lam, a, step)",
        asks="argmin over x of step r(x) + (x - v)^2/2, entry by entry, r being SCAD; 0 < step < a - 1; v of any shape.",
        inputs=_scad_inputs,
        reference=lambda v, lam, a, step: best_x(lambda x: step * _scad(x, lam, a), v),
        exact_zeros=True,
        mistakes={
            "the middle piece is the one for step 1, with a - 2 below the line. Where is the step?": lambda v, lam, a, step: (
                _scad_with(v, lam, a, step, middle=((a - 1) * np.abs(v) - a * lam) / (a - 2))
            ),
            "above the line of the middle piece the step is missing.": lambda v, lam, a, step: _scad_with(
                v, lam, a, step, middle=((a - 1) * np.abs(v) - a * lam) / (a - 1 - step)
            ),
            "the slope of the middle piece is wrong: collect the terms with x; their factor is 1 - step/(a - 1).": (
                lambda v, lam, a, step: _scad_with(v, lam, a, step, middle=((a - 1) * np.abs(v) - a * step * lam) / (a - 1))
            ),
            "a sign is wrong in the middle piece: the price bends down there, so its curvature is subtracted.": (
                lambda v, lam, a, step: _scad_with(
                    v, lam, a, step, middle=((a - 1) * np.abs(v) - a * step * lam) / (a - 1 + step)
                )
            ),
            "in the middle piece a stands where a - 1 belongs: the slope of r falls over a length of (a - 1) lam.": (
                lambda v, lam, a, step: _scad_with(v, lam, a, step, middle=(a * np.abs(v) - a * step * lam) / (a - step))
            ),
            "the middle piece begins at v = 2 lam only if step is 1. At which v is the soft threshold's x equal to lam?": (
                lambda v, lam, a, step: _scad_with(v, lam, a, step, begin=2 * lam)
            ),
            "the middle piece begins where x is lam, and x is not v.": lambda v, lam, a, step: _scad_with(
                v, lam, a, step, begin=lam
            ),
            "the middle piece is missing: soft thresholding up to a lam, then v, has a jump.": lambda v, lam, a, step: (
                _scad_with(v, lam, a, step, middle=np.abs(soft(v, step * lam)))
            ),
            "that is the soft threshold of l1: SCAD shrinks large entries less, and the largest not at all.": (
                lambda v, lam, a, step: soft(v, step * lam)
            ),
            "the first piece does not know the step: how strongly does step * r pull?": lambda v, lam, a, step: np.where(
                np.abs(v) <= (1 + step) * lam, soft(v, lam), _scad_with(v, lam, a, step)
            ),
            "that is MCP with gamma = a: SCAD's slope begins to fall at lam, not at 0.": lambda v, lam, a, step: _mcp_with(
                v, step * lam, 1 - step / a, a * lam
            ),
            "the sign is lost: a negative v has a negative x.": lambda v, lam, a, step: np.abs(_scad_with(v, lam, a, step)),
            "the middle piece goes on for ever. Where is SCAD constant?": lambda v, lam, a, step: (
                np.sign(v) * np.where(np.abs(v) <= (1 + step) * lam, np.abs(soft(v, step * lam)), _scad_middle(v, lam, a, step))
            ),
            "above the line of the middle piece a sign is wrong: a kept weight shrinks.": lambda v, lam, a, step: _scad_with(
                v, lam, a, step, middle=((a - 1) * np.abs(v) + a * step * lam) / (a - 1 - step)
            ),
            "in the middle piece step lam is multiplied by a - 1: where does the slope end?": lambda v, lam, a, step: (
                _scad_with(v, lam, a, step, middle=((a - 1) * np.abs(v) - (a - 1) * step * lam) / (a - 1 - step))
            ),
            "only the positive entries are right: negative ones are mirror images, not zero.": lambda v, lam, a, step: (
                np.maximum(_scad_with(v, lam, a, step), 0)
            ),
        },
    ),
)
