"""Wrong answers to the tasks of chapter 10: for each check, functions, each with a part of the message that it must get."""

import numpy as np


def soft(v, t):
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)


def mcp(t=lambda lam, gamma, s: s * lam, slope=lambda gamma, s: 1 / (1 - s / gamma), end=lambda lam, gamma: gamma * lam):
    def prox(v, lam, gamma, step):
        return np.where(np.abs(v) > end(lam, gamma), v, soft(v, t(lam, gamma, step)) * slope(gamma, step))

    return prox


def scad(middle=None, begin=None, inner=None):
    def right_middle(y, lam, a, s):
        return (y - a * s * lam / (a - 1)) / (1 - s / (a - 1))

    def prox(v, lam, a, step):
        y = np.abs(v)
        first = soft(y, step * lam if inner is None else inner(lam, step))
        second = (middle or right_middle)(y, lam, a, step)
        start = (1 + step) * lam if begin is None else begin(lam)
        return np.sign(v) * np.where(y > a * lam, y, np.where(y > start, second, first))

    return prox


def landing(L, p):
    return (2 * L * (1 - p)) ** (1 / (2 - p))


def lp_height(L, p, x):
    return x / 2 + L * x ** (p - 1)


def no_valley(L, p):
    x = (L * p * (1 - p)) ** (1 / (2 - p))  # where the slope of x + L p x^(p-1) is 0
    return x + L * p * x ** (p - 1)


PLANTED = {
    "10.mcp_prox": [
        (mcp(slope=lambda gamma, s: 1 / (1 - 1 / gamma)), "divide by 1 - 1/gamma"),
        (mcp(t=lambda lam, gamma, s: lam), "threshold does not know the step"),
        (mcp(slope=lambda gamma, s: 1), "does not meet v"),
        (mcp(slope=lambda gamma, s: 1 - s / gamma), "too flat"),
        (mcp(slope=lambda gamma, s: 1 / (1 + s / gamma)), "more than 1, or less"),
        (mcp(slope=lambda gamma, s: 1 / (1 - s * gamma)), "upside down"),
        (mcp(end=lambda lam, gamma: np.inf), "for ever"),
        (lambda v, lam, gamma, step: soft(v, step * lam), "soft threshold of l1"),
        (mcp(end=lambda lam, gamma: gamma), "ends at the wrong place"),
        (lambda v, lam, gamma, step: np.where(np.abs(v) > lam * np.sqrt(gamma * step), v, 0), "hard threshold"),
        (lambda v, lam, gamma, step: np.abs(mcp()(v, lam, gamma, step)), "sign is lost"),
        (
            lambda v, lam, gamma, step: np.where(
                np.abs(v) > gamma * lam, v, (v - np.sign(v) * step * lam) * gamma / (gamma - step)
            ),
            "other side of zero",
        ),
        (
            lambda v, lam, gamma, step: np.sign(v) * np.maximum(np.abs(v) - step * np.maximum(lam - np.abs(v) / gamma, 0), 0),
            "where you start",
        ),
        (lambda v, lam, gamma, step: np.maximum(mcp()(v, lam, gamma, step), 0), "mirror images"),
    ],
    "10.lp_threshold": [
        (landing, "that is the x where the prox lands"),
        (no_valley, "stops having a valley"),
        (lambda L, p: 3 / 2 * L ** (2 / 3), "for p = 1/2"),
        (lambda L, p: np.sqrt(2 * L), "of l0"),
        (lambda L, p: L, "of l1"),
        (lambda L, p: landing(L, p) / 2, "price per unit is missing"),
        (lambda L, p: L * landing(L, p) ** (p - 1), "half of x is missing"),
        (lambda L, p: landing(L, p) / 2 + lp_height(L, p, landing(L, p)), "half of x/2 got lost"),
        (lambda L, p: lp_height(L, p, (L * (1 - p)) ** (1 / (2 - p))), "lacks a 2"),
        (lambda L, p: landing(L, p) / 2 + L * landing(L, p) ** p, "not yet divided by x"),
        (lambda L, p: (2 - p) / (2 * (1 - p)) * (2 * L * (1 - p)) ** (2 - p), "root is the wrong one"),
        (lambda L, p: 1.0, "the numbers differ"),
        (lambda L, p: landing(L, p) * lp_height(L, p, landing(L, p)), "without v"),
        (lambda L, p: lp_height(L, p, (2 * L) ** (1 / (2 - p))), "lacks 1 - p"),
    ],
    "10.scad_prox": [
        (scad(lambda y, lam, a, s: ((a - 1) * y - a * lam) / (a - 2)), "the one for step 1"),
        (scad(lambda y, lam, a, s: ((a - 1) * y - a * lam) / (a - 1 - s)), "piece the step is missing"),
        (scad(lambda y, lam, a, s: y - a * s * lam / (a - 1)), "slope of the middle piece is wrong"),
        (scad(lambda y, lam, a, s: ((a - 1) * y - a * s * lam) / (a - 1 + s)), "a sign is wrong in the middle piece"),
        (scad(lambda y, lam, a, s: (a * y - a * s * lam) / (a - s)), "where a - 1 belongs"),
        (scad(begin=lambda lam: 2 * lam), "only if step is 1"),
        (scad(begin=lambda lam: lam), "x is not v"),
        (scad(lambda y, lam, a, s: soft(y, s * lam)), "middle piece is missing"),
        (lambda v, lam, a, step: soft(v, step * lam), "soft threshold of l1"),
        (scad(inner=lambda lam, s: lam), "first piece does not know the step"),
        (mcp(), "MCP with gamma = a"),
        (lambda v, lam, a, step: np.abs(scad()(v, lam, a, step)), "sign is lost"),
        (
            lambda v, lam, a, step: np.where(
                np.abs(v) > (1 + step) * lam,
                (v - np.sign(v) * a * step * lam / (a - 1)) / (1 - step / (a - 1)),
                soft(v, step * lam),
            ),
            "for ever",
        ),
        (scad(lambda y, lam, a, s: ((a - 1) * y + a * s * lam) / (a - 1 - s)), "a kept weight shrinks"),
        (scad(lambda y, lam, a, s: (a - 1) * (y - s * lam) / (a - 1 - s)), "is multiplied by a - 1"),
        (lambda v, lam, a, step: np.maximum(scad()(v, lam, a, step), 0), "mirror images"),
    ],
}
