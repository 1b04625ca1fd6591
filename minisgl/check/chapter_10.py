"""The checks of chapter 10: two regimes, a spring's pull, and choosing. Each says in its docstring what the task asks for."""

from collections.abc import Callable, Iterator
from math import sqrt

import numpy as np

from minisgl.check.answer import Answer, Inputs
from minisgl.check.definition import arrays, best_x
from minisgl.penalties import L0
from minisgl.solver.schedules import Continuation

# --- the paper's thresholds


def paper_thresholds(answer: Answer) -> None:
    """paper_thresholds(lam, beta, growth, every, epochs): l0's threshold in each epoch, (epochs,)."""
    names = ("lam", "beta", "growth", "every", "epochs")
    values = (
        (0.5, 1.0, 4.0, 1, 1),
        (0.5, 1.0, 4.0, 1, 2),
        (0.5, 1.0, 4.0, 2, 3),
        (0.5, 4.0, 4.0, 1, 3),
        (2.0, 1.0, 2.25, 2, 6),
        (0.02, 0.5, 1.25, 3, 7),
        (0.1, 2.5, 0.25, 2, 4),
        (0.3, 1.5, 1.0, 1, 3),
        (1e-6, 25e-6, 1.25, 4, 20),
    )

    def wanted(lam: float, beta: float, growth: float, every: int, epochs: int) -> np.ndarray:
        thresholds = []
        for epoch in range(epochs):
            if epoch > 0 and epoch % every == 0:
                beta = beta * growth
            thresholds.append(L0(lam).threshold(1 / beta))
        return np.array(thresholds)

    def with_power(power: Callable[[np.ndarray, int], np.ndarray]) -> Callable[..., np.ndarray]:
        return lambda lam, beta, growth, every, epochs: np.sqrt(
            2 * lam / (beta * growth ** power(np.arange(epochs), every).astype(float))
        )

    def stairs(growth: float, every: int, epochs: int) -> np.ndarray:
        return growth ** (np.arange(epochs) // every)

    answer.compare(
        [dict(zip(names, some, strict=True)) for some in values],
        wanted,
        mistakes={
            "your beta never grows.": with_power(lambda e, every: 0 * e),
            "your beta grows in every epoch: it stays the same for `every` of them.": with_power(lambda e, every: e),
            "your beta grows an epoch too early: epochs count from 0, and the first `every` of them have the beta given.": (
                with_power(lambda e, every: (e + 1) // every)
            ),
            "your beta has grown before the first epoch: in epoch 0 it is what was given.": (
                with_power(lambda e, every: e // every + 1)
            ),
            "your beta climbs a little in every epoch. It climbs in stairs: so many whole times `every` has gone by.": (
                with_power(lambda e, every: e / every)
            ),
            "your threshold moves the wrong way. With a stiffer spring, is a weight dropped sooner or later?": (
                with_power(lambda e, every: -(e // every))
            ),
            "your threshold falls by growth. beta does grow so; and the threshold is a root of something.": (
                lambda lam, beta, growth, every, epochs: sqrt(2 * lam / beta) / stairs(growth, every, epochs)
            ),
            "each growth multiplies what is there by then, and yours adds the same every time.": (
                lambda lam, beta, growth, every, epochs: np.sqrt(
                    2 * lam / (beta * (1 + (growth - 1) * (np.arange(epochs) // every)))
                )
            ),
            "that is l1's threshold. Where do the price lam of a weight and its spring beta/2 w^2 cost the same?": (
                lambda lam, beta, growth, every, epochs: lam / (beta * stairs(growth, every, epochs))
            ),
            "a factor of 2 is lost under your root: the spring costs beta/2 w^2.": (
                lambda lam, beta, growth, every, epochs: np.sqrt(lam / (beta * stairs(growth, every, epochs)))
            ),
            "in your threshold beta multiplies lam. The step of the prox is 1/beta.": (
                lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam * beta * stairs(growth, every, epochs))
            ),
        },
    )


# --- continuation

Row = Callable[..., np.ndarray]  # of u and what it depends on


def _lr(u: np.ndarray) -> np.ndarray:
    return (1 + np.cos(np.pi * u)) / 2


def _done(u: np.ndarray, ramp: float) -> np.ndarray:
    return np.maximum(u - ramp, 0) / (1 - ramp)


def _tau(u: np.ndarray, tau: float, ramp: float) -> np.ndarray:
    return tau * np.minimum(u / ramp, 1)


def _rows(lr_of: Row = _lr, beta_of: Row | None = None, tau_of: Row = _tau) -> Callable[..., np.ndarray]:
    beta_of = beta_of or (lambda u, beta, rise, ramp: beta * rise ** _done(u, ramp))
    return lambda u, beta, rise, tau, ramp: np.stack([lr_of(u), beta_of(u, beta, rise, ramp), tau_of(u, tau, ramp)])


def continuation(answer: Answer) -> None:
    """continuation(u, beta, rise, tau, ramp): lr over its start, beta and threshold at the fractions u (n,): (3, n)."""

    def inputs() -> Iterator[Inputs]:
        settings = ((1.0, 16.0, 1.0, 0.5), (2.0, 4.0, 3.0, 0.25), (0.02, 1000.0, 0.1, 0.75), (0.5, 1.0, 0.2, 0.5))
        for eighths in ((0,), (2,), (4,), (6,), (1, 5), (7, 3, 0), tuple(range(8))):
            for beta, rise, tau, ramp in settings:
                yield {"u": np.array(eighths) / 8, "beta": beta, "rise": rise, "tau": tau, "ramp": ramp}

    def wanted(u: np.ndarray, beta: float, rise: float, tau: float, ramp: float) -> np.ndarray:
        schedule = Continuation(1.0, beta, rise, {"layer": tau}, ramp)
        moments = [schedule.at(round(8 * x), 1, 8) for x in u]
        return np.array([[m.lr for m in moments], [m.beta for m in moments], [(m.thresholds or {})["layer"] for m in moments]])

    answer.compare(
        inputs(),
        wanted,
        mistakes={
            "your threshold goes on climbing after the ramp: there it has reached its end.": _rows(
                tau_of=lambda u, tau, ramp: tau * u / ramp
            ),
            "your threshold climbs through the whole run: it is to be there when the ramp ends.": _rows(
                tau_of=lambda u, tau, ramp: tau * u
            ),
            "your threshold has its end from the start: it has to climb from 0.": _rows(
                tau_of=lambda u, tau, ramp: tau + 0 * u
            ),
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
        },
    )


# --- the pull


def spring_pull(answer: Answer) -> None:
    """spring_pull(w, tau, beta, r): beta (w - v), with v the prox of w for r = "l1" or "l0", of threshold tau; any shape."""

    def inputs() -> Iterator[Inputs]:
        for w in arrays():
            for tau, beta in ((0.5, 1.0), (1.0, 4.0), (0.125, 0.5)):
                for r in ("l1", "l0"):
                    yield {"w": w, "tau": tau, "beta": beta, "r": r}

    def wanted(w: np.ndarray, tau: float, beta: float, r: str) -> np.ndarray:
        price = (lambda x: tau * np.abs(x)) if r == "l1" else (lambda x: tau**2 / 2 * (x != 0))
        return beta * (w - best_x(price, w))

    def clipped(w: np.ndarray, tau: float, beta: float) -> np.ndarray:
        return beta * np.clip(w, -tau, tau)

    def dropped_only(w: np.ndarray, tau: float, beta: float) -> np.ndarray:
        return np.where(np.abs(w) <= tau, beta * w, 0)

    def right(w: np.ndarray, tau: float, beta: float, r: str) -> np.ndarray:
        return clipped(w, tau, beta) if r == "l1" else dropped_only(w, tau, beta)

    answer.compare(
        inputs(),
        wanted,
        exact_zeros=True,
        mistakes={
            "with l0 you pull at what is kept. What does hard thresholding take from it?": lambda w, tau, beta, r: clipped(
                w, tau, beta
            ),
            "with l1 what is kept feels nothing in yours. v is smaller than w there: by how much?": lambda w, tau, beta, r: (
                dropped_only(w, tau, beta)
            ),
            "what is dropped is pulled by beta tau in yours, however small it is. There v = 0: how far is w from that?": (
                lambda w, tau, beta, r: np.where(np.abs(w) <= tau, beta * tau * np.sign(w), right(w, tau, beta, r))
            ),
            "what is dropped feels nothing in yours. Its v is 0, and the spring is tied to that.": lambda w, tau, beta, r: (
                np.where(np.abs(w) <= tau, 0, right(w, tau, beta, r))
            ),
            "yours points from w to v. It is a part of the gradient, against which w then steps.": lambda w, tau, beta, r: (
                -right(w, tau, beta, r)
            ),
            "that is the distance of w from v: how stiff is the spring?": lambda w, tau, beta, r: right(w, tau, 1.0, r),
            "half of it is missing: differentiate beta/2 (w - v)^2 once more.": lambda w, tau, beta, r: right(
                w, tau, beta / 2, r
            ),
            "the sign is lost: negative weights are pulled the other way.": lambda w, tau, beta, r: np.abs(
                right(w, tau, beta, r)
            ),
            "you return v.": lambda w, tau, beta, r: w - right(w, tau, 1.0, r),
            "for l0 tau is a price in yours. It is the threshold already: nothing is left to be worked out.": (
                lambda w, tau, beta, r: right(w, np.sqrt(2 * tau) if r == "l0" else tau, beta, r)
            ),
            "at |w| = tau, l0 has a tie. It goes to 0.": lambda w, tau, beta, r: (
                clipped(w, tau, beta) if r == "l1" else np.where(np.abs(w) < tau, beta * w, 0)
            ),
        },
    )


# --- which setting


def _chosen(score: np.ndarray, enough: np.ndarray) -> int:
    return int(np.argmin(np.where(enough, score, np.inf)))


def _zeros(left: np.ndarray, of: int) -> np.ndarray:
    return 100 * (of - left.mean(axis=1)) / of


def best_setting(answer: Answer) -> None:
    """best_setting(heldout, test, left, of, at_least): the index of the best of the settings that are sparse enough.

    heldout, test, left are (settings, seeds): errors in percent, and weights that are not zero, of `of` weights. at_least: of
    the zeros, in percent, as a mean over the seeds.
    """

    def inputs() -> Iterator[Inputs]:
        def case(heldout: np.ndarray, test: np.ndarray, left: np.ndarray, at_least: float) -> Inputs:
            return {"heldout": heldout, "test": test, "left": left, "of": 1000, "at_least": at_least}

        yield case(np.array([[0.8], [0.7]]), np.array([[0.8], [0.9]]), np.array([[300], [250]]), 50.0)
        yield case(np.array([[0.6], [0.7]]), np.array([[0.6], [0.7]]), np.array([[600], [250]]), 50.0)
        yield case(np.array([[0.9], [0.7]]), np.array([[0.9], [0.7]]), np.array([[300], [500]]), 50.0)  # just enough
        rng = np.random.default_rng(0)
        for settings, seeds in ((2, 2), (3, 1), (3, 2), (4, 3), (6, 3), (8, 5)):
            for at_least in (30.01, 45.01, 60.01):  # no mean of these is so near that rounding decides
                heldout, test = rng.permutation(2 * settings * seeds).reshape(2, settings, seeds) / 50 + 0.5
                heldout += np.arange(settings)[:, None] / 10_000  # so that no two means are equal
                left = rng.integers(150, 850, (settings, seeds))
                left[rng.integers(settings)] = rng.integers(150, 400)  # there is one that is sparse enough
                yield case(heldout, test, left, at_least)

    def wanted(heldout: np.ndarray, test: np.ndarray, left: np.ndarray, of: int, at_least: float) -> int:
        best, place = np.inf, -1
        for i in range(len(heldout)):
            if _zeros(left, of)[i] >= at_least and heldout[i].mean() < best:
                best, place = heldout[i].mean(), i
        return place

    answer.compare(
        inputs(),
        wanted,
        mistakes={
            "you chose by the test error. The test images tell how good the choice was: they must not make it.": (
                lambda heldout, test, left, of, at_least: _chosen(test.mean(axis=1), _zeros(left, of) >= at_least)
            ),
            "you chose by both errors. The test images must have no say in the choice.": (
                lambda heldout, test, left, of, at_least: _chosen((heldout + test).mean(axis=1), _zeros(left, of) >= at_least)
            ),
            "you chose the luckiest single run. A setting is as good as the mean of its seeds.": (
                lambda heldout, test, left, of, at_least: _chosen(heldout.min(axis=1), _zeros(left, of) >= at_least)
            ),
            "you compare the settings by their worst seeds; asked for is the mean.": (
                lambda heldout, test, left, of, at_least: _chosen(heldout.max(axis=1), _zeros(left, of) >= at_least)
            ),
            "you took the least error of all: is that network sparse enough? (Percent are compared with percent.)": (
                lambda heldout, test, left, of, at_least: int(np.argmin(heldout.mean(axis=1)))
            ),
            "no setting is ever sparse enough for you: a percentage is compared with a percentage.": (
                lambda heldout, test, left, of, at_least: _chosen(heldout.mean(axis=1), _zeros(left, of) / 100 >= at_least)
            ),
            "left counts the weights that are not zero: the zeros are the others.": (
                lambda heldout, test, left, of, at_least: _chosen(heldout.mean(axis=1), 100 - _zeros(left, of) >= at_least)
            ),
            "you took the sparsest. Of those that are sparse enough, the one with the least error is asked for.": (
                lambda heldout, test, left, of, at_least: int(np.argmin(left.mean(axis=1)))
            ),
            "your index counts only the settings that are sparse enough: it is to be one among all of them.": (
                lambda heldout, test, left, of, at_least: int(np.argmin(heldout.mean(axis=1)[_zeros(left, of) >= at_least]))
            ),
            "exactly at_least percent of zeros is enough.": (
                lambda heldout, test, left, of, at_least: _chosen(heldout.mean(axis=1), _zeros(left, of) > at_least)
            ),
            "that is the error of the best setting; asked for is its index.": (
                lambda heldout, test, left, of, at_least: heldout.mean(axis=1)[_zeros(left, of) >= at_least].min()
            ),
        },
    )
