"""The tasks of chapter 13: two regimes, a spring's pull, and choosing."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.schedule_mistakes import CONTINUATION, PAPER_THRESHOLDS
from minisgl.course.checks.setting_mistakes import BEST_SETTING, zeros
from minisgl.course.checks.task import Task
from minisgl.penalties import L0
from minisgl.solver.schedules import Continuation

# ---- paper_thresholds


def _paper_thresholds_inputs() -> Iterator[Inputs]:
    for lam, beta, growth, every, epochs in (
        (0.5, 1.0, 4.0, 1, 1),
        (0.5, 1.0, 4.0, 1, 2),
        (0.5, 1.0, 4.0, 2, 3),
        (0.5, 4.0, 4.0, 1, 3),
        (2.0, 1.0, 2.25, 2, 6),
        (0.02, 0.5, 1.25, 3, 7),
        (0.1, 2.5, 0.25, 2, 4),
        (0.3, 1.5, 1.0, 1, 3),
        (1e-6, 25e-6, 1.25, 4, 20),
    ):
        yield {"lam": lam, "beta": beta, "growth": growth, "every": every, "epochs": epochs}


def _paper_thresholds_reference(lam: float, beta: float, growth: float, every: int, epochs: int) -> np.ndarray:
    thresholds = []
    for epoch in range(epochs):
        if epoch > 0 and epoch % every == 0:
            beta = beta * growth
        thresholds.append(L0(lam).threshold(1 / beta))
    return np.array(thresholds)


# ---- continuation


def _continuation_inputs() -> Iterator[Inputs]:
    settings = ((1.0, 16.0, 1.0, 0.5), (2.0, 4.0, 3.0, 0.25), (0.02, 1000.0, 0.1, 0.75), (0.5, 1.0, 0.2, 0.5))
    for eighths in ((0,), (2,), (4,), (6,), (1, 5), (7, 3, 0), tuple(range(8))):
        for beta, rise, tau, ramp in settings:
            yield {"u": np.array(eighths) / 8, "beta": beta, "rise": rise, "tau": tau, "ramp": ramp}


def _continuation_reference(u: np.ndarray, beta: float, rise: float, tau: float, ramp: float) -> np.ndarray:
    schedule = Continuation(1.0, beta, rise, {"layer": tau}, ramp)
    settings = [schedule.at(round(8 * x), 1, 8) for x in u]
    return np.array([[s.lr for s in settings], [s.beta for s in settings], [(s.thresholds or {})["layer"] for s in settings]])


# ---- spring_pull


def _spring_pull_inputs() -> Iterator[Inputs]:
    for w in arrays():
        for tau, beta in ((0.5, 1.0), (1.0, 4.0), (0.125, 0.5)):
            for r in ("l1", "l0"):
                yield {"w": w, "tau": tau, "beta": beta, "r": r}


def _spring_pull_reference(w: np.ndarray, tau: float, beta: float, r: str) -> np.ndarray:
    price = (lambda x: tau * np.abs(x)) if r == "l1" else (lambda x: tau**2 / 2 * (x != 0))
    return beta * (w - best_x(price, w))


def _clipped(w: np.ndarray, tau: float, beta: float) -> np.ndarray:
    return beta * np.clip(w, -tau, tau)


def _dropped_only(w: np.ndarray, tau: float, beta: float) -> np.ndarray:
    return np.where(np.abs(w) <= tau, beta * w, 0)


def _right(w: np.ndarray, tau: float, beta: float, r: str) -> np.ndarray:
    return _clipped(w, tau, beta) if r == "l1" else _dropped_only(w, tau, beta)


# ---- best_setting


def _best_setting_inputs() -> Iterator[Inputs]:
    def case(heldout: np.ndarray, test: np.ndarray, left: np.ndarray, at_least: float) -> Inputs:
        return {"heldout": heldout, "test": test, "left": left, "of": 1000, "at_least": at_least}

    yield case(np.array([[0.8], [0.7]]), np.array([[0.8], [0.9]]), np.array([[300], [250]]), 50.0)
    yield case(np.array([[0.6], [0.7]]), np.array([[0.6], [0.7]]), np.array([[600], [250]]), 50.0)
    yield case(np.array([[0.9], [0.7]]), np.array([[0.9], [0.7]]), np.array([[300], [500]]), 50.0)  # just enough
    yield case(np.array([[0.9, 0.9], [0.7, 0.7]]), np.zeros((2, 2)), np.array([[300, 300], [350, 450]]), 60.0)  # just enough
    for heldout in ([[0.5, 0.5, 1.5], [0.7, 0.7, 0.7]], [[0.6, 0.6, 0.6], [0.5, 0.4, 1.2]]):  # the medians choose otherwise
        yield case(np.array(heldout), np.zeros((2, 3)), np.full((2, 3), 300), 50.0)
    rng = np.random.default_rng(0)
    for settings, seeds in ((2, 2), (3, 1), (3, 2), (4, 3), (6, 3), (8, 5)):
        for at_least in (30.01, 45.01, 60.01):  # no mean of these is so near that rounding decides
            heldout, test = rng.permutation(2 * settings * seeds).reshape(2, settings, seeds) / 50 + 0.5
            heldout += np.arange(settings)[:, None] / 10_000  # so that no two means are equal
            left = rng.integers(150, 850, (settings, seeds))
            left[rng.integers(settings)] = rng.integers(150, 400)  # there is one that is sparse enough
            yield case(heldout, test, left, at_least)


def _best_setting_reference(heldout: np.ndarray, test: np.ndarray, left: np.ndarray, of: int, at_least: float) -> int:
    best, place = np.inf, -1
    for i in range(len(heldout)):
        if zeros(left, of)[i] >= at_least and heldout[i].mean() < best:
            best, place = heldout[i].mean(), i
    return place


TASKS = (
    Task(
        signature="paper_thresholds(lam, beta, growth, every, epochs)",
        asks="The threshold of l0 in each epoch, (epochs,).",
        inputs=_paper_thresholds_inputs,
        reference=_paper_thresholds_reference,
        mistakes=PAPER_THRESHOLDS,
    ),
    Task(
        signature="continuation(u, beta, rise, tau, ramp)",
        asks="The learning rate over its start, beta, and the threshold, at the fractions u (n,) of the run: (3, n).",
        inputs=_continuation_inputs,
        reference=_continuation_reference,
        mistakes=CONTINUATION,
    ),
    Task(
        signature="spring_pull(w, tau, beta, r)",
        asks="""beta (w - v), with v the prox of w for r = "l1" or "l0", of threshold tau; any shape.""",
        inputs=_spring_pull_inputs,
        reference=_spring_pull_reference,
        exact_zeros=True,
        mistakes={
            "with l0 you pull at what is kept. What does hard thresholding take from it?": lambda w, tau, beta, r: _clipped(
                w, tau, beta
            ),
            "with l1 yours does not act on what is kept. v is smaller than w there: by how much?": lambda w, tau, beta, r: (
                _dropped_only(w, tau, beta)
            ),
            "what is dropped is pulled by beta tau in yours, however small it is. There v = 0: how far is w from that?": (
                lambda w, tau, beta, r: np.where(np.abs(w) <= tau, beta * tau * np.sign(w), _right(w, tau, beta, r))
            ),
            "yours does not act on what is dropped. Its v is 0, and the spring is tied to that.": lambda w, tau, beta, r: (
                np.where(np.abs(w) <= tau, 0, _right(w, tau, beta, r))
            ),
            "yours points from w to v. It is a part of the gradient, against which w then steps.": lambda w, tau, beta, r: (
                -_right(w, tau, beta, r)
            ),
            "that is the distance of w from v: how stiff is the spring?": lambda w, tau, beta, r: _right(w, tau, 1.0, r),
            "half of it is missing: differentiate beta/2 (w - v)^2 once more.": lambda w, tau, beta, r: _right(
                w, tau, beta / 2, r
            ),
            "the sign is lost: negative weights are pulled the other way.": lambda w, tau, beta, r: np.abs(
                _right(w, tau, beta, r)
            ),
            "you return v.": lambda w, tau, beta, r: w - _right(w, tau, 1.0, r),
            "for l0 tau is a price in yours. It is the threshold already: nothing has to be computed.": (
                lambda w, tau, beta, r: _right(w, np.sqrt(2 * tau) if r == "l0" else tau, beta, r)
            ),
            "at |w| = tau, l0 has a tie. It goes to 0.": lambda w, tau, beta, r: (
                _clipped(w, tau, beta) if r == "l1" else np.where(np.abs(w) < tau, beta * w, 0)
            ),
            "l1 and l0 are exchanged: which of them takes tau from what it keeps?": lambda w, tau, beta, r: _right(
                w, tau, beta, "l0" if r == "l1" else "l1"
            ),
            "you pull at everything as if v were 0. Where is it not?": lambda w, tau, beta, r: beta * w,
            "you divide by beta: does a stiffer spring pull less?": lambda w, tau, beta, r: _right(w, tau, 1.0, r) / beta,
        },
    ),
    Task(
        signature="best_setting(heldout, test, left, of, at_least)",
        asks="The index of the setting with the least held-out error, as a mean over the seeds, among those with at least "
        "`at_least` percent of zeros. heldout, test and left are (settings, seeds): errors in percent, and how many weights "
        "of `of` are not zero.",
        inputs=_best_setting_inputs,
        reference=_best_setting_reference,
        mistakes=BEST_SETTING,
    ),
)
