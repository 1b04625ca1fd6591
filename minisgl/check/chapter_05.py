"""The checks of chapter 05: l0, hard thresholding. Each says in its docstring what the task asks for."""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from minisgl.check.answer import Answer, Inputs
from minisgl.check.definition import arrays, best_x, soft
from minisgl.penalties import L0

LAMS = (0.5, 0.125, 2.0, 1.0, 0.0)


def _with_lams() -> Iterator[Inputs]:
    for v in arrays():
        for lam in LAMS:
            yield {"v": v, "lam": lam}


def hard_threshold(answer: Answer) -> None:
    """hard_threshold(v, lam): argmin over x of lam [x != 0] + (x - v)^2/2, entry by entry, 0 at a tie; v of any shape."""
    answer.compare(
        _with_lams(),
        wanted=lambda v, lam: best_x(lambda x: lam * (x != 0), v),
        exact_zeros=True,
        mistakes={
            "your threshold is lam itself. Keeping v costs lam, dropping it costs v^2/2: at which |v| are they the same?": (
                lambda v, lam: np.where(np.abs(v) > lam, v, 0)
            ),
            "your threshold is sqrt(lam): something halves the cost of dropping v.": lambda v, lam: np.where(
                np.abs(v) > np.sqrt(lam), v, 0
            ),
            "what you keep is shrunk. Every x but 0 has the same price: which is nearest to v?": lambda v, lam: soft(
                v, np.sqrt(2 * lam)
            ),
            "the sign is lost: what is kept is v, not |v|.": lambda v, lam: np.where(
                np.abs(v) > np.sqrt(2 * lam), np.abs(v), 0
            ),
            "the large negative entries are gone: large means far from zero, on either side.": lambda v, lam: np.where(
                v > np.sqrt(2 * lam), v, 0
            ),
            "you keep the small entries and drop the large ones.": lambda v, lam: np.where(np.abs(v) <= np.sqrt(2 * lam), v, 0),
            "at a tie, where both cost the same, 0 is wanted.": lambda v, lam: np.where(np.abs(v) >= np.sqrt(2 * lam), v, 0),
        },
    )


def least_cost(answer: Answer) -> None:
    """least_cost(v, lam): the least that lam ||x||_0 + ||x - v||^2/2 can be, over all x of v's shape: one number."""

    def wanted(v: np.ndarray, lam: float) -> float:
        x = best_x(lambda x: lam * (x != 0), v)
        return float(lam * np.count_nonzero(x) + ((x - v) ** 2).sum(dtype=np.float64) / 2)

    answer.compare(
        _with_lams(),
        wanted,
        mistakes={
            "the costs of the single entries are right; the cost of x is all of them together.": lambda v, lam: np.minimum(
                v**2 / 2, lam
            ),
            "a mean is not a sum: twice as many weights cost twice as much.": lambda v, lam: np.minimum(v**2 / 2, lam).mean(),
            "the half of (x - v)^2/2 is missing.": lambda v, lam: np.minimum(v**2, lam).sum(),
            "you count what is kept, and forget what it costs to drop the others.": lambda v, lam: (
                lam * np.count_nonzero(np.abs(v) > np.sqrt(2 * lam))
            ),
            "you charge for what is dropped, and forget that what is kept costs lam each.": lambda v, lam: (
                v[np.abs(v) <= np.sqrt(2 * lam)] ** 2 / 2
            ).sum(),
        },
    )


def _kept(v: np.ndarray, lam: float) -> int:
    return int(np.count_nonzero(L0(float(lam)).prox(v, 1.0)))


# What is wrong with lam = f(v, k), by what is then true of it on all inputs with k > 0.
LAM_MISTAKES: dict[str, Callable[[Callable[..., float], np.ndarray, int], bool]] = {
    "your lam is the threshold. The threshold follows from lam: turn that round.": lambda f, v, k: (
        np.count_nonzero(np.abs(v) > f(v, k)) == k
    ),
    "your lam is the threshold squared: something is missing.": lambda f, v, k: (
        np.count_nonzero(np.abs(v) > np.sqrt(f(v, k))) == k
    ),
    "one too few is kept: between which two sizes has the threshold to lie?": lambda f, v, k: _kept(v, f(v, k)) == k - 1,
    "it is right where all of v is positive. A weight of -3 is larger than one of 2, in size.": lambda f, v, k: (
        _kept(np.abs(v), f(np.abs(v), k)) == k
    ),
}


def lam_to_keep(answer: Answer) -> None:
    """lam_to_keep(v, k): a lam with which the prox of step 1 keeps exactly the k largest of v; 0 <= k <= v.size, no ties."""
    rng = np.random.default_rng(0)
    cases: list[Inputs] = []
    for shape in ((2,), (3,), (6,), (3, 4), (2, 3, 5)):
        size = int(np.prod(shape))
        sizes = rng.permutation(np.arange(1, size + 1) / 8).reshape(shape)  # all different, none 0
        v = sizes * rng.choice([-1.0, 1.0], shape)
        cases += [{"v": v, "k": k} for k in (*range(1, size + 1), 0)]
    for case in cases:
        v, k, lam = case["v"], case["k"], answer.call(case)
        if np.ndim(lam) > 0 or not np.isfinite(lam) or lam < 0:
            answer.fail(case, lam, "a number >= 0", "lam is the price of one weight: one number, and not below zero.")
        if (kept := _kept(v, lam)) != k:
            hint = _lam_mistake(answer, cases) or f"with your lam too {'many' if kept > k else 'few'} entries are kept."
            answer.fail(case, f"lam = {float(lam):.4g}, which keeps {kept}", f"a lam that keeps {k}", hint)


def _lam_mistake(answer: Answer, cases: list[Inputs]) -> str | None:
    positive = [case for case in cases if case["k"] > 0]
    for sentence, holds in LAM_MISTAKES.items():
        with contextlib.suppress(Exception):  # it fails on a later input
            if all(holds(answer.function, case["v"], case["k"]) for case in positive):
                return sentence
    return None
