"""The tasks of chapter 05: l0, hard thresholding."""

import contextlib
from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.difference import not_a_number
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import hard, soft
from minisgl.penalties import L0

LAMS = (0.5, 0.125, 2.0, 1.0, 0.0)


def _with_lams() -> Iterator[Inputs]:
    for v in arrays():
        for lam in LAMS:
            yield {"v": v, "lam": lam}


def _least_cost_reference(v: np.ndarray, lam: float) -> float:
    x = best_x(lambda x: lam * (x != 0), v)
    return float(lam * np.count_nonzero(x) + ((x - v) ** 2).sum(dtype=np.float64) / 2)


def _kept(v: np.ndarray, lam: float) -> int:
    """How many entries of v the prox of step 1 keeps."""
    return int(np.count_nonzero(L0(float(lam)).prox(v, 1.0)))


def _lam_to_keep_inputs() -> Iterator[Inputs]:
    rng = np.random.default_rng(0)
    for shape in ((2,), (3,), (6,), (3, 4), (2, 3, 5)):
        size = int(np.prod(shape))
        sizes = rng.permutation(np.arange(1, size + 1) / 8).reshape(shape)  # all different, none 0
        v = sizes * rng.choice([-1.0, 1.0], shape)
        yield from ({"v": v, "k": k} for k in (*range(1, size + 1), 0))


def _compare_number_kept(answer: Answer, task: Task) -> None:
    """Many lam are right. What is compared is how many entries they keep."""
    cases = list(task.inputs())
    for case in cases:
        v, k, lam = case["v"], case["k"], answer.call(case)
        if nan := not_a_number(lam):
            answer.fail(case, lam, "a number >= 0", nan)
        if np.ndim(lam) > 0 or not np.isfinite(lam) or lam < 0:
            answer.fail(case, lam, "a number >= 0", "lam is the price of one weight: one number, and not below zero.")
        if (kept := task.reference(v, lam)) != k:
            hint = _lam_mistake(answer, task, cases) or f"with your lam too {'many' if kept > k else 'few'} entries are kept."
            answer.fail(case, f"lam = {float(lam):.4g}, which keeps {kept}", f"a lam that keeps {k}", hint)


def _lam_mistake(answer: Answer, task: Task, cases: list[Inputs]) -> str | None:
    positive = [case for case in cases if case["k"] > 0]
    for sentence, holds in task.mistakes.items():
        with contextlib.suppress(Exception):  # it fails on a later input
            if all(holds(answer.function, case["v"], case["k"]) for case in positive):
                return sentence
    return None


TASKS = (
    Task(
        signature="hard_threshold(v, lam)",
        asks="argmin over x of lam [x != 0] + (x - v)^2/2, entry by entry, 0 at a tie; v of any shape.",
        inputs=_with_lams,
        reference=lambda v, lam: best_x(lambda x: lam * (x != 0), v),
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
            "your threshold is 2 sqrt(lam): which part of it belongs under the root?": lambda v, lam: hard(v, 2 * np.sqrt(lam)),
            "your threshold is sqrt(lam/2): is v^2/2 = lam solved for v?": lambda v, lam: hard(v, np.sqrt(lam / 2)),
            "your threshold is sqrt(2) lam: what else belongs under the root?": lambda v, lam: hard(v, np.sqrt(2) * lam),
            "you return 1 for what is kept: the mask says where v stays, and v is asked for.": lambda v, lam: (
                np.abs(v) > np.sqrt(2 * lam)
            ),
            "that is the soft threshold, the prox of lam |x|. Here every x but 0 has the same price.": soft,
        },
    ),
    Task(
        signature="least_cost(v, lam)",
        asks="The minimum over x of lam ||x||_0 + ||x - v||^2/2, for all of v together: one number.",
        inputs=_with_lams,
        reference=_least_cost_reference,
        mistakes={
            "the costs of the single entries are right; the cost of x is all of them together.": lambda v, lam: np.minimum(
                v**2 / 2, lam
            ),
            "a mean is not a sum: twice as many weights cost twice as much.": lambda v, lam: np.minimum(v**2 / 2, lam).mean(),
            "the factor 1/2 of (x - v)^2/2 is missing.": lambda v, lam: np.minimum(v**2, lam).sum(),
            "you count what is kept, and forget what it costs to drop the others.": lambda v, lam: (
                lam * np.count_nonzero(np.abs(v) > np.sqrt(2 * lam))
            ),
            "you charge for what is dropped, and forget that what is kept costs lam each.": lambda v, lam: (
                v[np.abs(v) <= np.sqrt(2 * lam)] ** 2 / 2
            ).sum(),
            "you keep every weight that is not 0. Some of them cost less if they are dropped.": lambda v, lam: (
                lam * np.count_nonzero(v)
            ),
            "you drop every weight. Some of them cost less if they are kept.": lambda v, lam: (v**2).sum() / 2,
            "you keep all of v or drop all of it. Each entry decides for itself.": lambda v, lam: min(
                lam * np.count_nonzero(v), (v**2).sum() / 2
            ),
            "what is kept costs lam, and nothing more: there x is v.": lambda v, lam: (
                lam * np.count_nonzero(np.abs(v) > np.sqrt(2 * lam)) + (v**2).sum() / 2
            ),
        },
    ),
    Task(
        signature="lam_to_keep(v, k)",
        asks="A lam with which the prox of step 1 keeps exactly the k largest entries of v; 0 <= k <= v.size, no ties.",
        inputs=_lam_to_keep_inputs,
        reference=_kept,
        compare=_compare_number_kept,
        mistakes={  # by what is then true of lam = f(v, k), on all inputs with k > 0
            "your lam is the threshold. The threshold follows from lam: solve that for lam.": lambda f, v, k: (
                np.count_nonzero(np.abs(v) > f(v, k)) == k
            ),
            "your lam is the threshold squared: something is missing.": lambda f, v, k: (
                np.count_nonzero(np.abs(v) > np.sqrt(f(v, k))) == k
            ),
            "one too few is kept: between which two sizes must the threshold be?": lambda f, v, k: _kept(v, f(v, k)) == k - 1,
            "it is right where all of v is positive. A weight of -3 is larger than one of 2, in size.": lambda f, v, k: (
                _kept(np.abs(v), f(np.abs(v), k)) == k
            ),
            "you drop k entries. How many are to be kept?": lambda f, v, k: _kept(v, f(v, k)) == v.size - k,
            "one too many is kept: between which two sizes must the threshold be?": lambda f, v, k: (
                _kept(v, f(v, k)) == min(k + 1, v.size)
            ),
        },
    ),
)
