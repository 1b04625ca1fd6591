"""Known mistakes in the two schedules of chapter 13.

the paper's      beta grows by the factor `growth` every few epochs; the threshold of l0 is sqrt(2 lam/beta)
continuation     the threshold climbs to tau on the ramp; then beta climbs to rise times its start; the learning rate is
                 half a turn of a cosine
"""

from collections.abc import Callable
from math import sqrt

import numpy as np


def _with_power(power: Callable[[np.ndarray, int], np.ndarray]) -> Callable[..., np.ndarray]:
    """The mistake in which beta is multiplied by growth to a wrong power(epochs, every)."""
    return lambda lam, beta, growth, every, epochs: np.sqrt(
        2 * lam / (beta * growth ** power(np.arange(epochs), every).astype(float))
    )


def _stairs(growth: float, every: int, epochs: int) -> np.ndarray:
    """What beta is multiplied by in each epoch, (epochs,)."""
    return growth ** (np.arange(epochs) // every)


PAPER_THRESHOLDS: dict[str, Callable[..., np.ndarray]] = {
    "your beta never grows.": _with_power(lambda e, every: 0 * e),
    "your beta grows in every epoch: it stays the same for `every` of them.": _with_power(lambda e, every: e),
    "your beta grows an epoch too early: epochs count from 0, and the first `every` of them have the beta given.": (
        _with_power(lambda e, every: (e + 1) // every)
    ),
    "your beta has grown before the first epoch: in epoch 0 it is what was given.": (
        _with_power(lambda e, every: e // every + 1)
    ),
    "your beta climbs a little in every epoch. It climbs in stairs: so many whole times `every` has gone by.": (
        _with_power(lambda e, every: e / every)
    ),
    "your threshold moves the wrong way. With a stiffer spring, is a weight dropped sooner or later?": (
        _with_power(lambda e, every: -(e // every))
    ),
    "your threshold falls by growth. beta does grow so; and the threshold is a root of something.": (
        lambda lam, beta, growth, every, epochs: sqrt(2 * lam / beta) / _stairs(growth, every, epochs)
    ),
    "each growth multiplies what is there by then, and yours adds the same every time.": (
        lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam / (beta * (1 + (growth - 1) * (np.arange(epochs) // every))))
    ),
    "that is l1's threshold. Where do the price lam of a weight and its spring beta/2 w^2 cost the same?": (
        lambda lam, beta, growth, every, epochs: lam / (beta * _stairs(growth, every, epochs))
    ),
    "a factor of 2 is lost under your root: the spring costs beta/2 w^2.": (
        lambda lam, beta, growth, every, epochs: np.sqrt(lam / (beta * _stairs(growth, every, epochs)))
    ),
    "in your threshold beta multiplies lam. The step of the prox is 1/beta.": (
        lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam * beta * _stairs(growth, every, epochs))
    ),
    "your beta stays the same for one epoch, and only then for `every`: does the first have company?": _with_power(
        lambda e, every: -(-e // every)
    ),
    "a root is missing: lam v^0 and beta/2 v^2 cost the same at which v?": lambda lam, beta, growth, every, epochs: (
        2 * lam / (beta * _stairs(growth, every, epochs))
    ),
    "the 2 belongs under the root.": lambda lam, beta, growth, every, epochs: (
        2 * np.sqrt(lam / (beta * _stairs(growth, every, epochs)))
    ),
    "that is beta in each epoch. Its threshold is asked for.": lambda lam, beta, growth, every, epochs: (
        beta * _stairs(growth, every, epochs)
    ),
}


Row = Callable[..., np.ndarray]  # a function of u and its settings


def _lr(u: np.ndarray) -> np.ndarray:
    """The right learning rate over its start (n,): half a turn of the cosine."""
    return (1 + np.cos(np.pi * u)) / 2


def _done(u: np.ndarray, ramp: float) -> np.ndarray:
    """The part of the run after the ramp that is over (n,), from 0 to 1."""
    return np.maximum(u - ramp, 0) / (1 - ramp)


def _tau(u: np.ndarray, tau: float, ramp: float) -> np.ndarray:
    """The right threshold (n,): it climbs on the ramp and stays."""
    return tau * np.minimum(u / ramp, 1)


def _rows(lr_of: Row = _lr, beta_of: Row | None = None, tau_of: Row = _tau) -> Callable[..., np.ndarray]:
    """The mistake that has one row wrong: lr, beta or threshold."""
    beta_of = beta_of or (lambda u, beta, rise, ramp: beta * rise ** _done(u, ramp))
    return lambda u, beta, rise, tau, ramp: np.stack([lr_of(u), beta_of(u, beta, rise, ramp), tau_of(u, tau, ramp)])


CONTINUATION: dict[str, Callable[..., np.ndarray]] = {
    "your threshold goes on climbing after the ramp: there it has reached its end.": _rows(
        tau_of=lambda u, tau, ramp: tau * u / ramp
    ),
    "your threshold climbs through the whole run: it is to be there when the ramp ends.": _rows(
        tau_of=lambda u, tau, ramp: tau * u
    ),
    "your threshold has its end from the start: it has to climb from 0.": _rows(tau_of=lambda u, tau, ramp: tau + 0 * u),
    "your threshold forgets tau: it climbs to 1.": _rows(tau_of=lambda u, tau, ramp: np.minimum(u / ramp, 1)),
    "your beta rises from the start: it waits until the ramp has ended.": _rows(
        beta_of=lambda u, beta, rise, ramp: beta * rise**u
    ),
    "on the ramp your beta is below its start: before u = ramp the exponent is 0.": _rows(
        beta_of=lambda u, beta, rise, ramp: beta * rise ** ((u - ramp) / (1 - ramp))
    ),
    "your beta does not get there: the exponent has to go from 0 at u = ramp to 1 at u = 1.": _rows(
        beta_of=lambda u, beta, rise, ramp: beta * rise ** np.maximum(u - ramp, 0)
    ),
    "your beta rises by equal sums. In equal times it is to be multiplied by equal factors.": _rows(
        beta_of=lambda u, beta, rise, ramp: beta * (1 + (rise - 1) * _done(u, ramp))
    ),
    "your beta ends at rise: it ends at rise times its start.": _rows(
        beta_of=lambda u, beta, rise, ramp: beta * (rise / beta) ** _done(u, ramp)
    ),
    "your beta forgets its start: at u = 0 it is what was given.": _rows(
        beta_of=lambda u, beta, rise, ramp: rise ** _done(u, ramp)
    ),
    "your beta jumps when the ramp ends: it has the rest of the run to rise.": _rows(
        beta_of=lambda u, beta, rise, ramp: np.where(u > ramp, beta * rise, beta)
    ),
    "your learning rate falls below zero: the cosine of half a turn goes from 1 to -1.": _rows(
        lr_of=lambda u: np.cos(np.pi * u)
    ),
    "your learning rate starts at twice what it is to start at.": _rows(lr_of=lambda u: 1 + np.cos(np.pi * u)),
    "your learning rate comes back: that is a whole turn of the cosine.": _rows(
        lr_of=lambda u: (1 + np.cos(2 * np.pi * u)) / 2
    ),
    "your learning rate follows a quarter of a turn: it falls slowly at first, and then without slowing down.": _rows(
        lr_of=lambda u: np.cos(np.pi * u / 2)
    ),
    "your learning rate climbs.": _rows(lr_of=lambda u: (1 - np.cos(np.pi * u)) / 2),
    "your learning rate falls in a straight line.": _rows(lr_of=lambda u: 1 - u),
    "your cosine takes degrees: np.cos wants radians.": _rows(lr_of=lambda u: (1 + np.cos(180 * u)) / 2),
    "the rows are in another order: learning rate, beta, threshold.": (
        lambda u, beta, rise, tau, ramp: _rows()(u, beta, rise, tau, ramp)[::-1]
    ),
    "your beta never rises.": _rows(beta_of=lambda u, beta, rise, ramp: beta + 0 * u),
    "your threshold falls back to 0 after the ramp: it stays where it has got to.": _rows(
        tau_of=lambda u, tau, ramp: np.where(u <= ramp, tau * u / ramp, 0)
    ),
    "your learning rate falls only after the ramp. It falls through the whole run.": lambda u, beta, rise, tau, ramp: _rows(
        lr_of=lambda u: _lr(_done(u, ramp))
    )(u, beta, rise, tau, ramp),
    "beta and the threshold have changed places.": lambda u, beta, rise, tau, ramp: _rows()(u, beta, rise, tau, ramp)[
        [0, 2, 1]
    ],
}
