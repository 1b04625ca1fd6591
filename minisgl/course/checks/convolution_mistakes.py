"""Known mistakes in a convolution and in its two gradients, each by the sentence that names it."""

from collections.abc import Callable

import numpy as np

from minisgl.course.checks.convolution import forward, input_gradient, kernel_gradient

Mistakes = dict[str, Callable[..., np.ndarray]]


def _without_overlap(dy: np.ndarray, weight: np.ndarray, stride: int, windows_outside: bool) -> np.ndarray:
    """The input's gradient with = in place of +=, in a loop over windows with one over the kernel in it, or the reverse."""
    dx = np.zeros_like(input_gradient(dy, weight, stride))
    size, kernel = dy.shape[1:], weight.shape[2:]
    if windows_outside:
        order = [(window, place) for window in np.ndindex(*size) for place in np.ndindex(*kernel)]
    else:
        order = [(window, place) for place in np.ndindex(*kernel) for window in np.ndindex(*size)]
    for (p, q), (r, s) in order:
        dx[:, p * stride + r, q * stride + s] = dy[:, p, q] @ weight[:, :, r, s]
    return dx


def _all_windows_side_by_side(dy: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """The input's gradient as if the windows were one pixel apart, in an array of the right size."""
    dx, near = np.zeros_like(input_gradient(dy, weight, stride)), input_gradient(dy, weight, 1)
    dx[:, : near.shape[1], : near.shape[2]] = near
    return dx


def _last_window(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The kernel's gradient from the last window of every image alone."""
    _, H, W, _ = x.shape
    _, P, Q, _ = dy.shape
    return kernel_gradient(dy[:, -1:, -1:], x[:, P - 1 : H, Q - 1 : W])


CONV2D: Mistakes = {
    "your kernel is turned by 180 degrees, which is the true convolution. Here the kernel is not turned: "
    "which entry of x does weight[k, c, 0, 0] meet?": lambda x, w, b: forward(x, w[:, :, ::-1, ::-1], b),
    "the last window of every row and column is missing. At which p does it start, if it ends in row H - 1?": (
        lambda x, w, b: forward(x, w, b)[:, :-1, :-1]
    ),
    "rows and columns of the kernel have changed places: r goes down, s to the right.": lambda x, w, b: forward(
        x, w.swapaxes(2, 3), b
    ),
    "only the last input channel counts: does each overwrite what the one before gave?": lambda x, w, b: forward(
        x[-1:], w[:, -1:], b
    ),
    "only the first input channel counts: every output reads all of them.": lambda x, w, b: forward(x[:1], w[:, :1], b),
    "you take the mean over the input channels, and their sum is wanted.": lambda x, w, b: (
        forward(x, w, 0 * b) / len(x) + b[:, None, None]
    ).astype(x.dtype),
    "where is the bias?": lambda x, w, b: forward(x, w, 0 * b),
    "the bias is added once for every product. It belongs outside the sum.": lambda x, w, b: forward(x, w, b * w[0].size),
    "the bias is added once for every input channel. It belongs outside the sum.": lambda x, w, b: forward(x, w, b * len(x)),
    "negative outputs have become 0: that is ReLU, which comes after the convolution.": lambda x, w, b: np.maximum(
        forward(x, w, b), 0
    ),
    "all output channels have the bias of the first one: bias has K entries.": lambda x, w, b: forward(x, w, 0 * b) + b[0],
    "all output channels are the same: each has its own filter, weight[k].": lambda x, w, b: np.repeat(
        forward(x, w[:1], b[:1]), len(w), axis=0
    ),
    "all input channels meet the same kernel: channel c has its own, weight[k, c].": lambda x, w, b: forward(
        x, np.repeat(w[:, :1], w.shape[1], axis=1), b
    ),
}

KERNEL_GRADIENT: Mistakes = {
    "your gradient is turned by 180 degrees: dweight[k, c, 0, 0] belongs to the entry that is the first of "
    "every window.": lambda dy, x: kernel_gradient(dy, x)[:, :, ::-1, ::-1],
    "rows and columns of the kernel have changed places: R comes before S.": (
        lambda dy, x: kernel_gradient(dy, x).swapaxes(2, 3)
    ),
    "the first two axes have changed places: the kernel is (K, C, R, S), outputs before inputs.": (
        lambda dy, x: kernel_gradient(dy, x).swapaxes(0, 1)
    ),
    "you take the mean over the images. The loss adds up all of them, and so does its gradient.": (
        lambda dy, x: kernel_gradient(dy, x) / x.dtype.type(dy.shape[3])
    ),
    "you take the mean over the windows. Each weight was used in every one of them: how do their parts combine?": (
        lambda dy, x: kernel_gradient(dy, x) / x.dtype.type(dy[0].size)
    ),
    "only the first image counts.": lambda dy, x: kernel_gradient(dy[..., :1], x[..., :1]),
    "all input channels have the same gradient: dweight[k, c] depends on channel c of x, and on no other.": (
        lambda dy, x: np.repeat(kernel_gradient(dy, x.sum(axis=0, keepdims=True)), len(x), axis=1)
    ),
    "the last row and column of the kernel are missing: how large was R, if H - R + 1 is P?": (
        lambda dy, x: kernel_gradient(dy, x)[:, :, :-1, :-1]
    ),
    "only the last image counts: does each overwrite what the one before gave?": lambda dy, x: kernel_gradient(
        dy[..., -1:], x[..., -1:]
    ),
    "only the last window counts: does each overwrite what the one before gave?": _last_window,
    "all filters have the same gradient: dweight[k] depends on dy[k], and on no other.": lambda dy, x: np.repeat(
        kernel_gradient(dy.sum(axis=0, keepdims=True), x), len(dy), axis=0
    ),
    "you add up the images before you multiply. Whose dy meets whose x then?": lambda dy, x: kernel_gradient(
        dy.sum(axis=3, keepdims=True), x.sum(axis=3, keepdims=True)
    ),
}

INPUT_GRADIENT: Mistakes = {
    "your kernel is turned once too often, or once too little: by which weight did x[c, 0, 0] reach y[k, 0, 0]?": (
        lambda dy, w, stride: input_gradient(dy, w[:, :, ::-1, ::-1], stride)
    ),
    "rows and columns of the kernel have changed places: r goes down, s to the right.": (
        lambda dy, w, stride: input_gradient(dy, w.swapaxes(2, 3), stride)
    ),
    "where windows overlap, only the last window counts. A pixel that was used several times adds them all up.": (
        lambda dy, w, stride: _without_overlap(dy, w, stride, windows_outside=True)
    ),
    "where windows overlap, only the last place of the kernel counts. A pixel that was used several times gets a part "
    "from all of its uses.": lambda dy, w, stride: _without_overlap(dy, w, stride, windows_outside=False),
    "only the first output channel counts: a pixel gets a part from every output that it was used in.": (
        lambda dy, w, stride: input_gradient(dy[:1], w[:1], stride)
    ),
    "you leave the stride out: where does window (p, q) start?": lambda dy, w, stride: input_gradient(dy, w, 1),
    "the size is right, but the windows start at row p. With a stride, where do they?": _all_windows_side_by_side,
    "all input channels get the same: the weights that lead back to channel c are weight[:, c].": (
        lambda dy, w, stride: np.repeat(input_gradient(dy, w.sum(axis=1, keepdims=True), stride), w.shape[1], axis=0)
    ),
    "you take the mean over the output channels, and their sum is wanted.": lambda dy, w, stride: (
        input_gradient(dy, w, stride) / dy.dtype.type(len(dy))
    ),
    "only the last output channel counts: does each overwrite what the one before gave?": lambda dy, w, stride: input_gradient(
        dy[-1:], w[-1:], stride
    ),
}
