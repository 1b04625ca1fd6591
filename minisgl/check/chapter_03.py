"""The checks of chapter 03: backward through the layers and the loss. Each says in its docstring what the task asks for."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import numpy as np

from minisgl.check.answer import Answer, Inputs, close, difference
from minisgl.nn.gradcheck import numeric_gradient
from minisgl.nn.reference import max_pool2d_backward

Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def _eighths(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-16, 17, shape) / 8


# --- the linear layer ------------------------------------------------------------------------------------------------


def _linear_inputs() -> Iterator[Inputs]:
    yield {"dy": np.array([[0.5]]), "x": np.array([[3.0]]), "weight": np.array([[-2.0]])}
    yield {"dy": np.array([[0.5, 0.25]]), "x": np.array([[3.0, -1.0]]), "weight": np.array([[-2.0]])}
    rng = np.random.default_rng(0)
    for D_out, D_in, N in ((1, 2, 1), (3, 1, 2), (2, 2, 3), (4, 3, 5), (3, 2, 0)):
        yield {"dy": _eighths(rng, D_out, N), "x": _eighths(rng, D_in, N), "weight": _eighths(rng, D_out, D_in)}
    yield {
        name: _eighths(rng, *shape).astype(np.float32) for name, shape in (("dy", (2, 3)), ("x", (4, 3)), ("weight", (2, 4)))
    }


def _linear_backward(dy: np.ndarray, x: np.ndarray, weight: np.ndarray) -> Three:
    """Differences of sum(dy * (weight @ x + bias)): exact but for rounding, because nothing in it is squared."""
    dy64, x64, weight64 = (array.astype(np.float64) for array in (dy, x, weight))
    bias = np.zeros(len(weight))
    dx = numeric_gradient(lambda at: float(np.sum(dy64 * (weight64 @ at + bias[:, None]))), x64, h=0.5)
    dweight = numeric_gradient(lambda at: float(np.sum(dy64 * (at @ x64 + bias[:, None]))), weight64, h=0.5)
    dbias = numeric_gradient(lambda at: float(np.sum(dy64 * (weight64 @ x64 + at[:, None]))), bias, h=0.5)
    return dx.astype(dy.dtype), dweight.astype(dy.dtype), dbias.astype(dy.dtype)


# By the name of the part and a sentence: how this part comes out with the mistake.
LINEAR_MISTAKES: dict[tuple[str, str], Callable[..., np.ndarray]] = {
    (
        "dx",
        "this is dweight. The order wanted is dx, dweight, dbias.",
    ): lambda dy, x, weight: dy @ x.T,
    (
        "dx",
        "that is forward once more: what comes back is made of dy, not of x.",
    ): lambda dy, x, weight: weight.T @ (weight @ x),
    (
        "dweight",
        "divided by N: the loss is a mean, and its 1/N is in dy already.",
    ): lambda dy, x, weight: dy @ x.T / dy.shape[1],
    (
        "dweight",
        "rows and columns are exchanged: dweight has to lie on weight, entry by entry.",
    ): lambda dy, x, weight: x @ dy.T,
    (
        "dweight",
        "the factor that a weight reaches y by is its input x, not the weight itself.",
    ): lambda dy, x, weight: weight * dy.sum(axis=1, keepdims=True),
    (
        "dbias",
        "yours is a mean: but b is added for every image, so it hears from all of them together.",
    ): lambda dy, x, weight: dy.mean(axis=1),
    ("dbias", "only the first image counts: b reaches them all."): lambda dy, x, weight: dy[:, 0],
}


def linear_backward(answer: Answer) -> None:
    """linear_backward(dy, x, weight): dx, dweight and dbias of y = weight @ x + bias, images last."""
    cases = list(_linear_inputs())
    for case in cases:
        yours, wanted = answer.call(case), _linear_backward(**case)
        if not isinstance(yours, tuple | list) or len(yours) != 3:
            hint = "three arrays are wanted, in this order and with commas between: dx, dweight, dbias."
            answer.fail(case, yours, wanted, hint)
        for part, name in enumerate(("dx", "dweight", "dbias")):
            if problem := difference(yours[part], wanted[part]):
                known = _linear_mistake(answer, cases, part, name)
                answer.fail(case, yours[part], wanted[part], f"{name}: {known or problem}", f"your {name}")


def _linear_mistake(answer: Answer, cases: list[Inputs], part: int, name: str) -> str | None:
    cases = [case for case in cases if case["dy"].size]
    try:
        results = [answer.function(*deepcopy(case).values())[part] for case in cases]
    except Exception:  # it fails on a later input: then nothing is known
        return None
    for (its_part, sentence), mistake in LINEAR_MISTAKES.items():
        if its_part == name and all(close(mine, mistake(**case)) for mine, case in zip(results, cases, strict=True)):
            return sentence
    return None


# --- max-pooling -----------------------------------------------------------------------------------------------------


def _pool_inputs() -> Iterator[Inputs]:
    for window in ([3, 1, 0, 2], [1, 0, 2, 3], [-1, -2, -4, -3], [1, 2, 2, 0], [2, 2, 1, 2], [0, 0, 0, 0]):
        yield {"dy": np.array([1.5]).reshape(1, 1, 1, 1), "x": np.array(window, dtype=float).reshape(1, 2, 2, 1)}
    rng = np.random.default_rng(0)
    for C, P, Q, N in ((1, 1, 2, 1), (1, 2, 2, 1), (2, 1, 1, 2), (3, 2, 4, 2), (1, 1, 1, 0)):
        yield {"dy": _eighths(rng, C, P, Q, N), "x": rng.integers(-3, 4, (C, 2 * P, 2 * Q, N)).astype(float)}
    yield {"dy": _eighths(rng, 2, 2, 3, 1).astype(np.float32), "x": rng.integers(-3, 4, (2, 4, 6, 1)).astype(np.float32)}


def _windows(x: np.ndarray) -> np.ndarray:
    """x (C, 2P, 2Q, N) as (4, C, P, Q, N): pixel by pixel in row-major order."""
    return np.stack([x[:, r::2, s::2] for r in range(2) for s in range(2)])


def _laid_out(windows: np.ndarray) -> np.ndarray:
    """The inverse of _windows."""
    _, C, P, Q, N = windows.shape
    return windows.reshape(2, 2, C, P, Q, N).transpose(2, 3, 0, 4, 1, 5).reshape(C, 2 * P, 2 * Q, N)


def _to_pixel(best: np.ndarray, value: np.ndarray) -> np.ndarray:
    """value (C, P, Q, N) at the pixel `best` of each window, 0 elsewhere."""
    return _laid_out(np.where(np.arange(4).reshape(4, 1, 1, 1, 1) == best, value, 0))


def _last_winner(x: np.ndarray, order: list[int]) -> np.ndarray:
    """The pixel that wins if, of equals, the first in `order` counts."""
    found: np.ndarray = np.array(order)[_windows(x)[order].argmax(axis=0)]
    return found


def _tied(x: np.ndarray) -> np.ndarray:
    windows = _windows(x)
    tied: np.ndarray = windows == windows.max(axis=0)
    return tied


def max_pool_backward(answer: Answer) -> None:
    """max_pool_backward(dy, x): dx of max-pooling 2 x 2 with stride 2; at a tie the first in row-major order gets all."""
    answer.compare(
        _pool_inputs(),
        wanted=lambda dy, x: max_pool2d_backward(dy, x, kernel=2, stride=2),
        exact_zeros=True,
        mistakes={
            "at a tie every winner gets all of dy: more comes back than went in. Who is the first?": lambda dy, x: _laid_out(
                _tied(x) * dy
            ),
            "at a tie you share dy out: we agreed that one of them gets all.": lambda dy, x: _laid_out(
                _tied(x) / _tied(x).sum(axis=0) * dy
            ),
            "at a tie the last winner gets dy: the first is wanted, row by row.": lambda dy, x: _to_pixel(
                _last_winner(x, [3, 2, 1, 0]), dy
            ),
            "at a tie you look column by column: row-major means along the first row, then along the second.": lambda dy, x: (
                _to_pixel(_last_winner(x, [0, 2, 1, 3]), dy)
            ),
            "all four pixels of a window hear from it: if a loser moves a little, does the largest move?": lambda dy, x: (
                _laid_out(np.repeat(dy[None], 4, axis=0))
            ),
            "dy is spread evenly over the window: so it would be if forward took the mean.": lambda dy, x: _laid_out(
                np.repeat(dy[None], 4, axis=0) / 4
            ),
            "the right places, but what stands there is the maximum itself: what comes back is dy.": lambda dy, x: _to_pixel(
                _windows(x).argmax(axis=0), _windows(x).max(axis=0)
            ),
            "the place is that of the largest |x|: forward compares x with its sign.": lambda dy, x: _to_pixel(
                np.abs(_windows(x)).argmax(axis=0), dy
            ),
            "negative windows hear nothing: that is ReLU's doing. Pooling alone lets a negative maximum hear, too.": (
                lambda dy, x: _to_pixel(_windows(x).argmax(axis=0), dy * (_windows(x).max(axis=0) > 0))
            ),
        },
    )


# --- softmax and cross-entropy ---------------------------------------------------------------------------------------


def _logit_inputs() -> Iterator[Inputs]:
    yield {"logits": np.array([[0.0, 0.0]]), "labels": np.array([0])}
    yield {"logits": np.array([[0.0, 2.0]]), "labels": np.array([0])}
    yield {"logits": np.array([[0.0, 2.0], [1.0, -1.0]]), "labels": np.array([1, 1])}
    rng = np.random.default_rng(0)
    for N, D in ((1, 3), (2, 3), (3, 3), (5, 10)):
        yield {"logits": _eighths(rng, N, D), "labels": rng.integers(0, D, N)}
    yield {"logits": _eighths(rng, 4, 3).astype(np.float32), "labels": rng.integers(0, 3, 4)}
    yield {"logits": np.array([[1000.0, 998.0]]), "labels": np.array([1])}
    yield {"logits": np.array([[-1000.0, -1001.0], [1000.0, -1000.0]]), "labels": np.array([1, 1])}


def _mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The loss by its definition, -log p as log(1 / p) = log of a sum of exp(differences)."""
    return float(np.mean([np.logaddexp.reduce(row - row[label]) for row, label in zip(logits, labels, strict=True)]))


def _onehot(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.eye(logits.shape[1])[labels]


def _naive_softmax(logits: np.ndarray) -> np.ndarray:
    p: np.ndarray = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p


def _probabilities(logits: np.ndarray) -> np.ndarray:
    return _naive_softmax(logits - logits.max(axis=1, keepdims=True))


def _shifted_by_the_largest_of_all(logits: np.ndarray) -> np.ndarray:
    return _naive_softmax(logits - logits.max())


def loss_gradient(answer: Answer) -> None:
    """loss_gradient(logits, labels): the slopes (N, D) of the mean cross-entropy; logits of up to 1000."""
    answer.compare(
        _logit_inputs(),
        wanted=lambda logits, labels: numeric_gradient(
            lambda at: _mean_loss(at, labels), logits.astype(np.float64), h=1e-5
        ).astype(logits.dtype),
        mistakes={
            "the loss is a mean over the images: yours is the gradient of their sum.": lambda z, t: (
                _probabilities(z) - _onehot(z, t)
            ),
            "right, but it overflows: exp(1000) is infinite. What can be taken from a row of logits without changing p?": (
                lambda z, t: (_naive_softmax(z) - _onehot(z, t)) / len(z)
            ),
            "of the sum over the images, not of their mean, and it overflows for large logits.": lambda z, t: (
                _naive_softmax(z) - _onehot(z, t)
            ),
            "one number is subtracted from all rows: the row with the small logits then has only zeros to divide.": (
                lambda z, t: (_shifted_by_the_largest_of_all(z) - _onehot(z, t)) / len(z)
            ),
            "these are the probabilities: where does the true class come in?": lambda z, t: _probabilities(z) / len(z),
            "the sign: it is the wrong logits that make the loss rise.": lambda z, t: (
                (_onehot(z, t) - _probabilities(z)) / len(z)
            ),
            "the logits themselves are compared with the truth: first make probabilities of them.": lambda z, t: (
                (z - _onehot(z, t)) / len(z)
            ),
            "a mean over all N D numbers: the loss is the mean of N.": lambda z, t: (
                (_probabilities(z) - _onehot(z, t)) / z.size
            ),
            "the probabilities of one class add up to 1 over the images: it should be those of one image, over the classes.": (
                lambda z, t: (_probabilities(z.T).T - _onehot(z, t)) / len(z)
            ),
            "only the true class hears: every other logit is in the sum below the fraction, too.": lambda z, t: (
                (_probabilities(z) - 1) * _onehot(z, t) / len(z)
            ),
        },
    )


# --- a whole network -------------------------------------------------------------------------------------------------


def _network_inputs() -> Iterator[Inputs]:
    yield {"x": np.array([[1.0]]), "labels": np.array([0]), "W1": np.array([[2.0]]), "W2": np.array([[0.0], [0.5]])}
    yield {"x": np.array([[1.0]]), "labels": np.array([0]), "W1": np.array([[-2.0]]), "W2": np.array([[0.0], [0.5]])}
    yield {"x": np.array([[1.0, 2.0]]), "labels": np.array([0, 1]), "W1": np.array([[1.0]]), "W2": np.array([[0.5], [-1.0]])}
    rng = np.random.default_rng(0)
    for D0, D1, D2, N in ((1, 2, 2, 1), (2, 1, 2, 1), (2, 2, 2, 3), (3, 4, 2, 2), (4, 3, 3, 5)):
        yield _away_from_kinks(rng, D0, D1, D2, N)
    yield {name: a if name == "labels" else a.astype(np.float32) for name, a in _away_from_kinks(rng, 3, 2, 3, 2).items()}


def _away_from_kinks(rng: np.random.Generator, D0: int, D1: int, D2: int, N: int) -> Inputs:
    """Random arguments at which no ReLU is near 0."""
    while True:
        x, W1 = _eighths(rng, D0, N), _eighths(rng, D1, D0)
        if np.abs(W1 @ x).min() > 0.01:
            return {"x": x, "labels": rng.integers(0, D2, N), "W1": W1, "W2": _eighths(rng, D2, D1)}


def _first_weight_gradient(x: np.ndarray, labels: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    x64, W1_64, W2_64 = (array.astype(np.float64) for array in (x, W1, W2))

    def loss(at: np.ndarray) -> float:
        return _mean_loss((W2_64 @ np.maximum(at @ x64, 0)).T, labels)

    return numeric_gradient(loss, W1_64, h=1e-5).astype(W1.dtype)


def _back(x: np.ndarray, labels: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """dh (D1, N), as it is before the ReLU, and where the ReLU is open (D1, N): for the mistakes."""
    is_open = W1 @ x > 0
    z = (W2 @ (W1 @ x * is_open)).T
    return W2.T @ ((_probabilities(z) - _onehot(z, labels)) / len(z)).T, is_open


def first_weight_gradient(answer: Answer) -> None:
    """first_weight_gradient(x, labels, W1, W2): the slopes of the mean cross-entropy of W2 max(W1 x, 0) in W1."""

    def without_mask(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        return _back(x, t, W1, W2)[0] @ x.T

    def divided_twice(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        dh, is_open = _back(x, t, W1, W2)
        return dh * is_open @ x.T / len(t)

    def not_divided(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        return divided_twice(x, t, W1, W2) * len(t) ** 2

    def relu_of_slopes(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        return np.maximum(_back(x, t, W1, W2)[0], 0) @ x.T

    def times_values(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        return _back(x, t, W1, W2)[0] * np.maximum(W1 @ x, 0) @ x.T

    def no_relu(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        z = (W2 @ W1 @ x).T
        return W2.T @ ((_probabilities(z) - _onehot(z, t)) / len(z)).T @ x.T

    def second_weight(x: np.ndarray, t: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
        h = np.maximum(W1 @ x, 0)
        z = (W2 @ h).T
        return ((_probabilities(z) - _onehot(z, t)) / len(z)).T @ h.T

    answer.compare(
        _network_inputs(),
        _first_weight_gradient,
        mistakes={
            "the ReLU lets everything back: a unit that was 0 has no part in the loss.": without_mask,
            "you divide by N once more: the 1/N of the mean is in dz already.": divided_twice,
            "the loss is a mean over the images: is yours their sum?": not_divided,
            "max(., 0) is applied to the slopes: it is the sign of its input that opens a ReLU, not that of the slope.": (
                relu_of_slopes
            ),
            "you multiply by the ReLU's value: its slope is wanted, and that is 0 or 1.": times_values,
            "the ReLU is missing, forward and back.": no_relu,
            "that is the gradient of W2: W1 is one layer further back.": second_weight,
        },
    )
