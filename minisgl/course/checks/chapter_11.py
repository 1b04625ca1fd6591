"""The tasks of chapter 11: variable splitting."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.splitting_mistakes import NEW_V, W_STEP, lowest
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import soft

ITERATIONS = 100  # of the two exact steps; each brings w and v nearer to their limit by a factor of beta/(1 + beta) <= 4/5


def _with_v_and_gradient() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for w in arrays():
        half = w.dtype.type(0.5)
        yield w, np.roll(w, 1)[..., ::-1] * half + w.dtype.type(0.25), np.roll(w, 2) - half


# ---- w_step


def _w_step_inputs() -> Iterator[Inputs]:
    for w, v, gradient in _with_v_and_gradient():
        for lr, beta in ((0.5, 1.0), (0.25, 4.0), (0.5, 0.25), (0.25, 0.0)):
            yield {"w": w, "v": v, "gradient": gradient, "lr": lr, "beta": beta}


# ---- new_v


def _new_v_inputs() -> Iterator[Inputs]:
    for v, b, _ in _with_v_and_gradient():
        for lam, beta in ((0.5, 1.0), (1.5, 3.0), (0.375, 3.0), (2.0, 1.0), (0.1, 0.3)):  # all but the last have ties
            yield {"v": v, "b": b, "lam": lam, "beta": beta}


def _new_v_reference(v: np.ndarray, b: np.ndarray, lam: float, beta: float) -> np.ndarray:
    return best_x(lambda x: lam / beta * (x != 0), lowest(v, b, beta))


# ---- largest_safe_step


def _largest_safe_step_inputs() -> Iterator[Inputs]:
    rng = np.random.default_rng(0)
    matrices = [np.array([[2.0]]), np.array([[0.5]]), np.diag([1.0, 2.0]), np.array([[1.0, -2.0], [0.0, 3.0]])]
    matrices += [rng.integers(-8, 9, shape) / 4 for shape in ((1, 3), (3, 2), (2, 4), (5, 5))]
    for A in matrices:
        for beta in (1.0, 0.25, 4.0, 0.0):
            yield {"A": A, "beta": beta}


def _eigenvalues(A: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(A.T @ A)  # (n,), the smallest first


# ---- gap


def _limit(b: np.ndarray, lam: float, beta: float) -> np.ndarray:
    """w - v where the two steps end, found by making them, the W-step exact too."""
    target = b.astype(np.float64)
    w, v = target, np.zeros_like(target)
    for _ in range(ITERATIONS):
        w = (target + beta * v) / (1 + beta)  # the slope w - b + beta (w - v) is 0
        v = soft(w, lam / beta)
    return (w - v).astype(b.dtype)


def _gap_inputs() -> Iterator[Inputs]:
    for b in arrays():
        for lam, beta in ((0.5, 1.0), (1.0, 4.0), (0.125, 0.25), (2.0, 1.0), (0.0, 1.0)):
            yield {"b": b, "lam": lam, "beta": beta}


TASKS = (
    Task(
        signature="w_step(w, v, gradient, lr, beta)",
        asks="w after a gradient step of length lr on the loss plus beta/2 ||w - v||^2; arrays of any shape.",
        inputs=_w_step_inputs,
        # the loss moves w by -lr * gradient; the spring pulls it towards v by lr beta v - lr beta w
        reference=lambda w, v, gradient, lr, beta: w - lr * gradient + lr * beta * v - lr * beta * w,
        mistakes=W_STEP,
    ),
    Task(
        signature="new_v(v, b, lam, beta)",
        asks="The V-step of l0, after w has moved to the minimum of ||w - b||^2/2 + beta/2 ||w - v||^2.",
        inputs=_new_v_inputs,
        reference=_new_v_reference,
        exact_zeros=True,
        mistakes=NEW_V,
    ),
    Task(
        signature="largest_safe_step(A, beta)",
        asks="2 over the largest curvature of ||A w - b||^2/2 + beta/2 ||w - v||^2 as a function of w; A (m, n).",
        inputs=_largest_safe_step_inputs,
        reference=lambda A, beta: float(2 / np.linalg.eigvalsh(A.T @ A + beta * np.eye(A.shape[1]))[-1]),
        mistakes={
            "the spring is missing: it bends F too, in every direction by beta.": lambda A, beta: 2 / _eigenvalues(A)[-1],
            "a smaller step than needed: when exactly is c = 1/eta - (L + beta)/2 above 0?": (
                lambda A, beta: 1 / (_eigenvalues(A)[-1] + beta)
            ),
            "A occurs twice in the gradient A^T (A w - b): its largest singular value counts twice too.": (
                lambda A, beta: 2 / (np.sqrt(_eigenvalues(A)[-1]) + beta)
            ),
            "you add the curvatures of all directions (the sum of all entries squared); the steepest one alone decides.": (
                lambda A, beta: 2 / (np.sum(A**2) + beta)
            ),
            "you took the flattest direction. In the steepest one such a step leads too far.": (
                lambda A, beta: 2 / (_eigenvalues(A)[0] + beta)
            ),
            "the spring is beta/2 ||w - v||^2: differentiate it twice.": lambda A, beta: 2 / (_eigenvalues(A)[-1] + beta / 2),
            "the loss is ||A w - b||^2 / 2, with the factor 1/2: your curvature of it is twice as large.": (
                lambda A, beta: 2 / (2 * _eigenvalues(A)[-1] + beta)
            ),
            "that is the curvature. How large may a step be where F bends so much?": lambda A, beta: _eigenvalues(A)[-1] + beta,
            "np.linalg.norm without a 2 is not the largest eigenvalue of A^T A: it adds up squares.": lambda A, beta: (
                2 / (np.sqrt((_eigenvalues(A) ** 2).sum()) + beta)
            ),
            "beta is in the square: the curvatures of the loss and of the spring are added.": lambda A, beta: (
                2 / (np.sqrt(_eigenvalues(A)[-1]) + beta) ** 2
            ),
            "the spring is counted twice: beta/2 ||w - v||^2 bends by beta.": lambda A, beta: (
                2 / (_eigenvalues(A)[-1] + 2 * beta)
            ),
        },
    ),
    Task(
        signature="gap(b, lam, beta)",
        asks="w - v at the limit of the two steps, for the loss (w - b)^2/2 and the penalty lam |v|; b of any shape.",
        inputs=_gap_inputs,
        reference=_limit,
        mistakes={
            "you let every entry be kept. Where v = 0 the gap is w itself: where does w stop then?": (
                lambda b, lam, beta: np.sign(b) * lam / beta
            ),
            "you let every entry be dropped. Where v is not 0, how far does the soft threshold move w?": (
                lambda b, lam, beta: b / (1 + beta)
            ),
            "the gap is as large as you say, and on the other side: v is the one nearer to zero.": (
                lambda b, lam, beta: -_limit(b, lam, beta)
            ),
            "where v = 0 your w is b, as if there were no spring.": lambda b, lam, beta: np.clip(b, -lam / beta, lam / beta),
            "where v = 0 your w is b/beta. The loss bends too: w - b + beta w = 0.": (
                lambda b, lam, beta: np.clip(b / beta, -lam / beta, lam / beta)
            ),
            "a stiffer spring closes the gap: your threshold is lam. What is the step of the prox?": (
                lambda b, lam, beta: np.clip(b / (1 + beta), -lam, lam)
            ),
            "you treat l1 like l0: there the kept weights have no gap. The soft threshold moves them.": (
                lambda b, lam, beta: np.where(np.abs(b) / (1 + beta) > lam / beta, 0, b / (1 + beta))
            ),
            "that is v. The gap is w - v.": lambda b, lam, beta: soft(b, lam + lam / beta),
            "that is w. The gap is w - v.": lambda b, lam, beta: (
                soft(b, lam + lam / beta) + np.clip(b / (1 + beta), -lam / beta, lam / beta)
            ),
            "you decide by the size of b which entries are dropped. It is w that is compared with the threshold.": (
                lambda b, lam, beta: np.where(np.abs(b) > lam / beta, np.sign(b) * lam / beta, b / (1 + beta))
            ),
            "that is b - v. The gap is w - v: how far has w gone from b?": lambda b, lam, beta: b - soft(b, lam + lam / beta),
            "you compare with the threshold of l0. That of l1 is the step times the price.": lambda b, lam, beta: np.clip(
                b / (1 + beta), -np.sqrt(2 * lam / beta), np.sqrt(2 * lam / beta)
            ),
            "your threshold grows with beta: a stiffer spring closes the gap.": lambda b, lam, beta: np.clip(
                b / (1 + beta), -lam * beta, lam * beta
            ),
        },
    ),
)
