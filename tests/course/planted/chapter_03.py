"""Wrong answers to the tasks of chapter 03: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.cross_entropy import onehot, overflowing_softmax, softmax
from minisgl.course.checks.pooling_windows import laid_out, tied, to_pixel, windows
from minisgl.course.checks.two_layers import back
from minisgl.nn import softmax_cross_entropy


def linear(dx=None, dweight=None, dbias=None):
    """linear_backward with one part replaced."""

    def answer(dy, x, weight):
        right = (weight.T @ dy, dy @ x.T, dy.sum(axis=1))
        return tuple(wrong(dy, x, weight) if wrong else good for wrong, good in zip((dx, dweight, dbias), right, strict=True))

    return answer


def first(x):
    return windows(x).argmax(axis=0)


def one_pixel(dy, x):
    """np.argmax over the rows and columns of a map."""
    C, H, W, N = x.shape
    flat = np.zeros((C, H * W, N), x.dtype)
    spread = dy.repeat(2, axis=1).repeat(2, axis=2).reshape(C, H * W, N)
    for c, n in np.ndindex(C, N):
        i = np.argmax(x[c, :, :, n])
        flat[c, i, n] = spread[c, i, n]
    return flat.reshape(x.shape)


def at_labels(z, t, value, rows=True):
    """The probabilities with another value (of p) at the true class, or (rows=False) with p[:, t] for p[arange, t]."""
    p = softmax(z)
    where = (np.arange(len(z)), t) if rows else (slice(None), t)
    p[where] = value(p[where])
    return p / p.dtype.type(len(z))


def into_dy(dy, x):
    dy *= 2
    return to_pixel(first(x), dy)


def network(x, labels, W1, W2):
    dh, is_open = back(x, labels, W1, W2)
    return dh * is_open @ x.T


def through(x, labels, W1, W2, dz):
    """The network's gradient with another dz (N, D2) of the logits."""
    h = W1 @ x
    return np.where(h > 0, W2.T @ dz((W2 @ np.maximum(h, 0)).T).T / len(labels), 0) @ x.T


def images_last(x, labels, W1, W2):
    return softmax_cross_entropy(W2 @ np.maximum(W1 @ x, 0), labels)[1]


PLANTED = {
    "03.linear_backward": [
        (linear(dx=lambda dy, x, weight: weight @ dy), "stops with an error"),
        (linear(dx=lambda dy, x, weight: weight.T @ (weight @ x)), "forward once more"),
        (linear(dweight=lambda dy, x, weight: dy @ x.T / max(dy.shape[1], 1)), "dweight: divided by N"),
        (linear(dweight=lambda dy, x, weight: x @ dy.T), "rows and columns"),
        (linear(dweight=lambda dy, x, weight: weight * dy.sum(axis=1, keepdims=True)), "not the weight itself"),
        (linear(dbias=lambda dy, x, weight: dy.sum(axis=1) / max(dy.shape[1], 1)), "yours is a mean"),
        (linear(dbias=lambda dy, x, weight: dy.sum(axis=1, keepdims=True)), "dbias: the shape"),
        (linear(dbias=lambda dy, x, weight: dy.sum()), "dbias: an array is wanted"),
        (linear(dx=lambda dy, x, weight: -weight.T @ dy), "opposite sign"),
        (lambda dy, x, weight: (dy @ x.T, weight.T @ dy, dy.sum(axis=1)), "this is dweight"),
        (lambda dy, x, weight: weight.T @ dy, "three arrays are wanted"),
        (linear(dx=lambda dy, x, weight: weight.T @ (dy / max(dy.shape[1], 1))), "dx: divided by N"),
        (linear(dweight=lambda dy, x, weight: dy[:, :1] * x[:, :1].T), "every image has its part"),
        (linear(dweight=lambda dy, x, weight: dy.sum(1)[:, None] * x.sum(1)), "are summed before"),
        (linear(dbias=lambda dy, x, weight: dy.sum() + 0 * dy.sum(axis=1)), "one sum for all outputs"),
        (linear(dbias=lambda dy, x, weight: dy[:, 0] if dy.size else dy.sum(1)), "b reaches them all"),
        (linear(dbias=lambda dy, x, weight: 2 * dy.sum(axis=1)), "dbias: your result is twice"),
    ],
    "03.max_pool_backward": [
        (lambda dy, x: laid_out(tied(x) * dy), "more comes back than went in"),
        (lambda dy, x: laid_out(tied(x) / tied(x).sum(axis=0) * dy), "share dy out"),
        (lambda dy, x: to_pixel(3 - windows(x)[::-1].argmax(axis=0), dy), "the last winner"),
        (lambda dy, x: to_pixel(np.array([0, 2, 1, 3])[windows(x)[[0, 2, 1, 3]].argmax(axis=0)], dy), "column by column"),
        (lambda dy, x: dy.repeat(2, axis=1).repeat(2, axis=2), "if a smaller one changes"),
        (lambda dy, x: dy.repeat(2, axis=1).repeat(2, axis=2) / 4, "took the mean"),
        (lambda dy, x: to_pixel(first(x), windows(x).max(axis=0)), "are the maxima themselves"),
        (lambda dy, x: to_pixel(np.abs(windows(x)).argmax(axis=0), dy), "the largest |x|"),
        (lambda dy, x: to_pixel(first(x), dy * (windows(x).max(axis=0) > 0)), "ReLU does that"),
        (lambda dy, x: np.zeros_like(x), "the first at index"),
        (into_dy, "writes into its argument dy"),
        (lambda dy, x: to_pixel(first(x), dy).astype(np.float64), "dtype of the argument"),
        (lambda dy, x: dy, "the shape"),
        (lambda dy, x: dy.repeat(2, 1).repeat(2, 2) * (x == x.max(axis=(1, 2), keepdims=True)), "maximum of the whole map"),
        (one_pixel, "only one pixel of the whole map"),
        (lambda dy, x: to_pixel(first(x), 0 * dy + 1), "with a 1 in each"),
    ],
    "03.loss_gradient": [
        (lambda z, t: softmax(z) - onehot(z, t).astype(z.dtype), "the gradient of their sum"),
        (lambda z, t: (overflowing_softmax(z) - onehot(z, t).astype(z.dtype)) / len(z), "right, but it overflows"),
        (lambda z, t: overflowing_softmax(z) - onehot(z, t).astype(z.dtype), "not of their mean, and"),
        (lambda z, t: (overflowing_softmax(z - z.max()) - onehot(z, t).astype(z.dtype)) / len(z), "subtracted from all rows"),
        (lambda z, t: softmax(z) / len(z), "where does the true class"),
        (lambda z, t: (onehot(z, t) - softmax(z)) / len(z), "it is the wrong logits"),
        (lambda z, t: (z - onehot(z, t)) / len(z), "the logits themselves"),
        (lambda z, t: (softmax(z) - onehot(z, t)) / z.size, "all N D numbers"),
        (lambda z, t: (softmax(z.T).T - onehot(z, t)) / len(z), "over the classes"),
        (lambda z, t: (softmax(z) - 1) * onehot(z, t) / len(z), "only the true class gets a gradient"),
        (softmax_cross_entropy, "an array is wanted"),
        (lambda z, t: -onehot(z, t).astype(z.dtype) / softmax(z) / len(z), "as a function of p"),
        (lambda z, t: (softmax(z) - softmax(z) ** 2) / len(z), "with its own logit"),
        (lambda z, t: at_labels(z, t, lambda p: p - 1, rows=False), "columns of all labels"),
        (lambda z, t: at_labels(z, t, lambda p: -1), "without its probability"),
        (lambda z, t: at_labels(z, t, lambda p: p - 1) * len(z) / z.shape[1], "number of classes"),
        (lambda z, t: (-1 / softmax(z) / len(z)).astype(z.dtype), "for every class"),
    ],
    "03.first_weight_gradient": [
        (lambda x, t, W1, W2: back(x, t, W1, W2)[0] @ x.T, "passes every gradient"),
        (lambda x, t, W1, W2: network(x, t, W1, W2) / len(t), "divide by N once more"),
        (lambda x, t, W1, W2: network(x, t, W1, W2) * len(t), "is yours their sum"),
        (lambda x, t, W1, W2: np.maximum(back(x, t, W1, W2)[0], 0) @ x.T, "applied to the slopes"),
        (lambda x, t, W1, W2: back(x, t, W1, W2)[0] * np.maximum(W1 @ x, 0) @ x.T, "the ReLU's value"),
        (
            lambda x, t, W1, W2: W2.T @ softmax_cross_entropy((W2 @ W1 @ x).T, t)[1].T @ x.T,
            "forward and back",
        ),
        (
            lambda x, t, W1, W2: softmax_cross_entropy((W2 @ np.maximum(W1 @ x, 0)).T, t)[1].T @ np.maximum(W1 @ x, 0).T,
            "that is the gradient of W2",
        ),
        (lambda x, t, W1, W2: network(x, t, W1, W2).T, "are the axes in their order"),
        (images_last, "stops with an error"),
        (lambda x, t, W1, W2: through(x, t, W1, W2, softmax), "the probabilities come back alone"),
        (lambda x, t, W1, W2: back(x, t, W1, W2)[0] * (W1 @ x < 0) @ x.T, "upside down"),
        (lambda x, t, W1, W2: through(x, t, W1, W2, lambda z: z - onehot(z, t)), "the logits themselves"),
    ],
}
