"""The tasks of chapter 01: counting, pruning, the sawtooth."""

from collections.abc import Iterator
from itertools import product
from math import ceil, prod

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.task import Task

Shape = tuple[int, ...]


# ---- conv_multiply_adds


def _places(image: Shape, weight: Shape) -> int:
    """The number of places at which the window fits into the image."""
    return (image[1] - weight[2] + 1) * (image[2] - weight[3] + 1)


SHAPES = (  # image (C, H, W), weight (K, C, R, S)
    ((1, 1, 1), (1, 1, 1, 1)),
    ((1, 2, 2), (1, 1, 1, 1)),
    ((1, 2, 2), (1, 1, 2, 2)),
    ((1, 4, 4), (1, 1, 2, 2)),
    ((1, 4, 4), (3, 1, 2, 2)),
    ((2, 4, 4), (1, 2, 2, 2)),
    ((2, 4, 4), (3, 2, 2, 2)),
    ((1, 5, 3), (1, 1, 2, 3)),
    ((2, 6, 4), (3, 2, 3, 2)),
    ((1, 28, 28), (20, 1, 5, 5)),
    ((20, 12, 12), (50, 20, 5, 5)),
)


def _conv_multiply_adds_reference(image: Shape, weight: Shape) -> int:
    (_, H, W), (K, C, R, S) = image, weight
    corners = [(p, q) for p in range(H) for q in range(W) if p + R <= H and q + S <= W]  # where the window fits in
    return sum(C * R * S for _ in product(range(K), corners))


# ---- magnitude_prune


def _zeroed(w: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    """A copy of w with the entries of these flat indices 0."""
    v = w.flatten()
    v[dropped] = 0
    return v.reshape(w.shape)


def _magnitude_prune_inputs() -> Iterator[Inputs]:
    rng = np.random.default_rng(0)
    different = [rng.permutation(np.arange(1, n + 1)) / 8 * rng.choice([-1, 1], n) for n in (2, 4, 5)]  # no ties in these
    for w in (*different, *arrays(), np.array([0.5, -0.5, 0.5, -0.5]), rng.normal(size=(6, 7))):
        for fraction in (0.5, 0.25, 0.75, 0.625, 0.0, 1.0):
            yield {"w": w, "fraction": fraction}


def _magnitude_prune_reference(w: np.ndarray, fraction: float) -> np.ndarray:
    left, sizes = list(range(w.size)), np.abs(w).ravel()
    for _ in range(int(fraction * w.size)):
        left.remove(min(left, key=lambda i: sizes[i]))  # the first of the smallest that are left
    return _zeroed(w, np.setdiff1d(np.arange(w.size), left))


def _order(w: np.ndarray) -> np.ndarray:
    return np.argsort(np.abs(w), axis=None, kind="stable")


def _below_quantile(w: np.ndarray, fraction: float) -> np.ndarray:
    sizes = np.sort(np.abs(w), axis=None)
    n = int(fraction * w.size)
    return np.where(np.abs(w) <= sizes[n - 1], 0, w) if n else w.copy()


def _below_the_last_of_them(w: np.ndarray, fraction: float) -> np.ndarray:
    n = int(fraction * w.size)
    return np.where(np.abs(w) < np.sort(np.abs(w), axis=None)[n - 1], 0, w) if n else w.copy()


# ---- sawtooth


def _sawtooth_inputs() -> Iterator[Inputs]:
    for w0 in arrays():  # eighths: with these lr and lam all steps are exact
        for lr, lam in ((0.5, 2.0), (0.5, 0.75), (0.25, 4.0), (2.0, 0.75), (0.125, 3.0)):
            yield {"w0": w0, "lr": lr, "lam": lam}


def _sawtooth_reference(w0: np.ndarray, lr: float, lam: float) -> np.ndarray:
    w = before = w0
    for _ in range(2 + 2 * int(np.ceil(np.abs(w0).max(initial=0) / (lr * lam)))):
        before, w = w, (w - lr * lam * np.sign(w)).astype(w0.dtype)
    return np.stack([np.minimum(before, w), np.maximum(before, w)])


def _two(w0: np.ndarray, d: float) -> np.ndarray:
    """The right result for a step of length d."""
    return np.stack([np.where(w0 % d == 0, 0, w0 % d - d), w0 % d])


def _always(w0: np.ndarray, lr: float, lam: float) -> np.ndarray:
    return np.stack([w0 % (lr * lam) - lr * lam, w0 % (lr * lam)])


def _by_size(w0: np.ndarray, lr: float, lam: float) -> np.ndarray:
    return _two(np.abs(w0), lr * lam)


def _by_remainder(w0: np.ndarray, lr: float, lam: float) -> np.ndarray:
    upper = np.fmod(w0, lr * lam)
    return np.stack([np.where(upper == 0, 0, upper - lr * lam), upper])


def _half(w0: np.ndarray, lr: float, lam: float) -> np.ndarray:
    return np.stack([0 * w0 - lr * lam / 2, 0 * w0 + lr * lam / 2])


TASKS = (
    Task(
        signature="conv_multiply_adds(image, weight)",
        asks="The number of multiply-adds of a convolution (K, C, R, S) on an image (C, H, W): no padding, stride 1.",
        inputs=lambda: ({"image": image, "weight": weight} for image, weight in SHAPES),
        reference=_conv_multiply_adds_reference,
        mistakes={
            "that is the number of weights. At how many places is each of them used?": lambda image, weight: prod(weight),
            "that is the number of outputs. How many products is each of them a sum of?": (
                lambda image, weight: weight[0] * _places(image, weight)
            ),
            "the window does not fit in at all H W places. Where does it stick out?": (
                lambda image, weight: image[1] * image[2] * prod(weight)
            ),
            "you count one place too few on each side: a window as large as the image fits in once.": (
                lambda image, weight: (image[1] - weight[2]) * (image[2] - weight[3]) * prod(weight)
            ),
            "each output channel sums over the input channels too: where is C?": (
                lambda image, weight: _places(image, weight) * prod(weight) // weight[1]
            ),
            "that is the work for one output channel. How many are there?": (
                lambda image, weight: _places(image, weight) * prod(weight[1:])
            ),
            "you count a multiplication and an addition as two; here the pair is one multiply-add.": (
                lambda image, weight: 2 * _places(image, weight) * prod(weight)
            ),
            "you count the biases too, which are added and not multiplied.": (
                lambda image, weight: _places(image, weight) * weight[0] * (prod(weight[1:]) + 1)
            ),
            "the window moves in one direction only. It goes down as well as to the right.": lambda image, weight: (
                (image[1] - weight[2] + 1) * prod(weight)
            ),
            "C is in it twice: which of the two shapes has given it already?": lambda image, weight: (
                image[0] * _places(image, weight) * prod(weight)
            ),
        },
    ),
    Task(
        signature="magnitude_prune(w, fraction)",
        asks="w with its floor(fraction * w.size) smallest entries 0; among entries of equal size, the first ones.",
        inputs=_magnitude_prune_inputs,
        reference=_magnitude_prune_reference,
        exact_zeros=True,
        mistakes={
            "you drop what is low: -3 is below 0.5, but larger in size.": lambda w, f: _zeroed(
                w, np.argsort(w, axis=None, kind="stable")[: int(f * w.size)]
            ),
            "you drop the large ones and keep the small.": lambda w, f: _zeroed(w, _order(w)[w.size - int(f * w.size) :]),
            "you keep the fraction that should become 0.": lambda w, f: _zeroed(w, _order(w)[: int((1 - f) * w.size)]),
            "your threshold is the fraction itself. How many entries are below it depends on w.": lambda w, f: np.where(
                np.abs(w) < f, 0, w
            ),
            "your threshold is a fraction of the largest size; what is asked for is a fraction of the number.": lambda w, f: (
                np.where(np.abs(w) < f * np.abs(w).max(), 0, w)
            ),
            "rounded down: of 5 entries, the fraction 0.25 is 1, and 0.75 is 3.": lambda w, f: _zeroed(
                w, _order(w)[: ceil(f * w.size)]
            ),
            "to the nearest is not down: of 5 entries, the fraction 0.75 is 3.": lambda w, f: _zeroed(
                w, _order(w)[: round(f * w.size)]
            ),
            "with equal sizes you drop too many: a threshold alone cannot tell them apart.": _below_quantile,
            "of equal sizes the first ones become 0, and yours are the last.": lambda w, f: _zeroed(
                w, w.size - 1 - _order(w.ravel()[::-1])[: int(f * w.size)]
            ),
            "np.quantile may give a number between two sizes, or of an entry that should stay: count the entries instead.": (
                lambda w, f: np.where(np.abs(w) < np.quantile(np.abs(w), f), 0, w)
            ),
            "the quantile is right for some sizes of w only: count the entries instead.": (
                lambda w, f: np.where(np.abs(w) <= np.quantile(np.abs(w), f), 0, w)
            ),
            "the signs of what is kept are lost.": lambda w, f: np.abs(_zeroed(w, _order(w)[: int(f * w.size)])),
            "what is kept has to stay in its place.": lambda w, f: np.sort(
                _zeroed(w, _order(w)[: int(f * w.size)]), axis=None
            ).reshape(w.shape),
            "you drop the fraction of every row. It is a fraction of all of w: a row may lose nothing.": lambda w, f: np.array(
                [_zeroed(row, _order(row)[: int(f * row.size)]) for row in w.reshape(-1, w.shape[-1])]
            ).reshape(w.shape),
            "len(w) is the number of rows. How many entries has w?": lambda w, f: _zeroed(w, _order(w)[: int(f * len(w))]),
            "you return what is dropped. What is kept is asked for.": lambda w, f: w - _zeroed(w, _order(w)[: int(f * w.size)]),
            "the entry at the threshold has to go too: one too few is 0.": _below_the_last_of_them,
        },
    ),
    Task(
        signature="sawtooth(w0, lr, lam)",
        asks="The lower and the upper value between which each entry of w0 ends, (2, *w0.shape); 0 and 0 if it lands on 0.",
        inputs=_sawtooth_inputs,
        reference=_sawtooth_reference,
        exact_zeros=True,
        mistakes={
            "the length of a step is not lam alone.": lambda w0, lr, lam: _two(w0, lam),
            "the length of a step is not lr alone.": lambda w0, lr, lam: _two(w0, lr),
            "what lands on 0 stays there, since sign(0) = 0: then both values are 0.": _always,
            "right for positive weights. A negative one moves up: the result should be its mirror image.": _by_size,
            "the remainder of a negative weight is negative here, and then it is not the upper value.": _by_remainder,
            "the upper value comes first, and the lower is wanted first.": lambda w0, lr, lam: _two(w0, lr * lam)[::-1],
            "the two values are on the last axis, and wanted on the first.": lambda w0, lr, lam: np.moveaxis(
                _two(w0, lr * lam), 0, -1
            ),
            "they are as far apart as yours, but not symmetric: where it ends depends on where it began.": _half,
            "your step is longer for a smaller lr.": lambda w0, lr, lam: _two(w0, lam / lr),
            "that is one step. Where does it go from there?": lambda w0, lr, lam: np.sort(
                [w0, w0 - lr * lam * np.sign(w0)], axis=0
            ),
            "these are the multiples of the step around w0. Where is w0 when it has come near zero?": lambda w0, lr, lam: (
                np.stack([np.floor(w0 / (lr * lam)), np.ceil(w0 / (lr * lam))]) * (lr * lam)
            ),
            "your two values are two steps apart. How far does one step lead?": lambda w0, lr, lam: np.stack(
                [0 * w0 - lr * lam, 0 * w0 + lr * lam]
            ),
        },
    ),
)
