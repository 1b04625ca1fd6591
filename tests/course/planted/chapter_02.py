"""Wrong answers to the tasks of chapter 02: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.nn import reference


def forward(x, weight, bias):
    return reference.conv2d(x[..., None], weight, bias)[..., 0]


def by_windows(x, weight, bias, size=1, lazy_bias=False):
    """With loops, P = H - R + size, and the bias inside or outside."""
    R, S = weight.shape[2:]
    P, Q = x.shape[1] - R + size, x.shape[2] - S + size
    y = np.zeros((len(weight), P, Q), x.dtype)
    for k, p, q in np.ndindex(*y.shape):
        for c in range(len(x)):
            y[k, p, q] += (weight[k, c] * x[c, p : p + R, q : q + S]).sum() + (bias[k] if lazy_bias else 0)
    return y if lazy_bias else y + bias[:, None, None]


def overwriting(x, weight, bias):
    """= for the channels, where += belongs."""
    y = np.zeros((len(weight), x.shape[1] - weight.shape[2] + 1, x.shape[2] - weight.shape[3] + 1), x.dtype)
    for c in range(len(x)):
        y[:] = forward(x[c : c + 1], weight[:, c : c + 1], bias)
    return y


def rows_for_columns(x, weight, bias):
    """Right for no kernel but a symmetric one, and runs for a square one only."""
    (K, P, Q), (R, S) = forward(x, weight, bias).shape, weight.shape[2:]
    y = np.zeros((K, P, Q), x.dtype)
    for k, p, q in np.ndindex(K, P, Q):
        y[k, p, q] = bias[k]
        for r, s in np.ndindex(R, S):
            y[k, p, q] += (weight[k, :, s, r] * x[:, p + r, q + s]).sum()
    return y


def bias_in_place(x, weight, bias):
    y = forward(x, weight, bias)
    bias += 1
    return y


def kernel_gradient(dy, x):
    K, P, Q, _ = dy.shape
    C, H, W, _ = x.shape
    dweight = np.zeros((K, C, H - P + 1, W - Q + 1), x.dtype)
    return reference.conv2d_backward(dy, x, dweight)[1]


def last_image(dy, x):
    for n in range(x.shape[3]):
        dweight = kernel_gradient(dy[..., n : n + 1], x[..., n : n + 1])
    return dweight


def last_window(dy, x):
    """= for the windows, where += belongs."""
    dweight = kernel_gradient(dy, x)
    R, S = dweight.shape[2:]
    for p, q in np.ndindex(*dy.shape[1:3]):
        dweight[...] = np.einsum("kn,crsn->kcrs", dy[:, p, q], x[:, p : p + R, q : q + S])
    return dweight


def kernel_rows_for_columns(dy, x):
    """The same in the gradient: the windows of (s, r) at (r, s)."""
    dweight = kernel_gradient(dy, x)
    for r, s in np.ndindex(*dweight.shape[2:]):
        window = x[:, s : s + dy.shape[1], r : r + dy.shape[2]]  # smaller, if it sticks out
        dweight[:, :, r, s] = np.einsum("kpqn,cpqn->kc", dy, window)
    return dweight


def input_gradient(dy, weight, stride):
    C, R, S = weight.shape[1:]
    x = np.zeros((C, stride * (dy.shape[1] - 1) + R, stride * (dy.shape[2] - 1) + S, 1), dy.dtype)
    return reference.conv2d_backward(dy[..., None], x, weight, stride)[0][..., 0]


def spread(dy, weight, stride, outside, step=None):
    """Its windows overwrite each other, or (step) start at other places."""
    C, R, S = weight.shape[1:]
    dx = np.zeros((C, stride * (dy.shape[1] - 1) + R, stride * (dy.shape[2] - 1) + S), dy.dtype)
    windows, places = list(np.ndindex(*dy.shape[1:])), list(np.ndindex(R, S))
    both = [(a, b) for a in windows for b in places] if outside == "windows" else [(a, b) for b in places for a in windows]
    for (p, q), (r, s) in both:
        here = (slice(None), p * (step or stride) + r, q * (step or stride) + s)
        dx[here] = (dx[here] if step else 0) + dy[:, p, q] @ weight[:, :, r, s]
    return dx


def correlate_back(dy, weight, stride):
    """The full correlation with the kernel as it is."""
    R, S = weight.shape[2:]
    wide = np.zeros((len(dy), stride * (dy.shape[1] - 1) + 2 * R - 1, stride * (dy.shape[2] - 1) + 2 * S - 1), dy.dtype)
    rows, columns = wide.shape[1] - R + 1, wide.shape[2] - S + 1
    wide[:, R - 1 : rows : stride, S - 1 : columns : stride] = dy
    return forward(wide, weight.swapaxes(0, 1), np.zeros(weight.shape[1], dy.dtype))


def shared(first=lambda x, w: w[0] * (x[0] - x[1]), second=lambda x, w: w[1] * (x[2] - x[1]), both=lambda w: w[0] + w[1]):
    """The right answer, unless one of its three products is another."""
    return lambda x, w: np.array([both(w) * x[1] + first(x, w), both(w) * x[1] + second(x, w)])


def quarter_squares(x, w):
    """a b = ((a + b)^2 - (a - b)^2) / 4: two squares for every product."""

    def product(a, b):
        return ((a + b) ** 2 - (a - b) ** 2) / 4

    return np.array([product(w[0], x[0]) + product(w[1], x[1]), product(w[0], x[1]) + product(w[1], x[2])])


PLANTED = {
    "02.conv2d": [
        (lambda x, w, b: forward(x, w[:, :, ::-1, ::-1], b), "turned by 180 degrees"),
        (lambda x, w, b: by_windows(x, w, b, size=0), "the last window"),
        (lambda x, w, b: forward(x[:1], w[:, :1], b), "only the first input channel"),
        (overwriting, "overwrite what the one before gave"),
        (rows_for_columns, "have changed places"),
        (lambda x, w, b: (forward(x, w, b * len(x)) / len(x)).astype(x.dtype), "the mean over the input channels"),
        (lambda x, w, b: forward(x, w, 0 * b), "where is the bias"),
        (lambda x, w, b: forward(x, w, b * w[0].size), "once for every product"),
        (lambda x, w, b: by_windows(x, w, b, lazy_bias=True), "once for every input channel"),
        (lambda x, w, b: forward(x, w, b).swapaxes(1, 2), "entries differ"),
        (lambda x, w, b: forward(np.pad(x, ((0, 0), (1, 1), (1, 1))), w, b), "the shape (1, 2, 2) is wanted"),
        (lambda x, w, b: forward(x, w, b).astype(np.float64), "dtype"),
        (bias_in_place, "writes into its argument bias"),
        (lambda x, w, b: None, "returns nothing"),
        (lambda x, w, b: b + np.tensordot(w, x, axes=3), "stops with an error"),
        (lambda x, w, b: np.maximum(forward(x, w, b), 0), "that is ReLU"),
        (lambda x, w, b: forward(x, w, np.full_like(b, b[0])), "the bias of the first one"),
        (lambda x, w, b: np.stack([forward(x, w[:1], b[:1])[0]] * len(w)), "all output channels are the same"),
        (lambda x, w, b: forward(x, np.zeros_like(w) + w[:, :1], b), "meet the same kernel"),
    ],
    "02.kernel_gradient": [
        (lambda dy, x: kernel_gradient(dy, x)[:, :, ::-1, ::-1], "turned by 180 degrees"),
        (lambda dy, x: kernel_gradient(dy, x)[:, :1], "the shape (1, 2, 2, 2) is wanted"),
        (kernel_rows_for_columns, "columns of the kernel have changed places"),
        (lambda dy, x: kernel_gradient(dy, x).transpose(1, 0, 2, 3), "outputs before inputs"),
        (lambda dy, x: (kernel_gradient(dy, x) / x.shape[3]).astype(x.dtype), "the mean over the images"),
        (lambda dy, x: (kernel_gradient(dy, x) / dy[0].size).astype(x.dtype), "the mean over the windows"),
        (lambda dy, x: kernel_gradient(dy[..., :1], x[..., :1]), "only the first image"),
        (
            lambda dy, x: kernel_gradient(dy, np.zeros_like(x) + x.sum(axis=0)),
            "all input channels have the same gradient",
        ),
        (lambda dy, x: kernel_gradient(dy, x)[:, :, :-1, :-1], "the last row and column of the kernel"),
        (lambda dy, x: -kernel_gradient(dy, x), "opposite sign"),
        (lambda dy, x: kernel_gradient(dy, x).astype(np.float64), "dtype"),
        (last_image, "only the last image"),
        (last_window, "only the last window"),
        (lambda dy, x: kernel_gradient(np.zeros_like(dy) + dy.sum(axis=0), x), "dweight[k] depends on"),
        (lambda dy, x: kernel_gradient(dy.sum(axis=-1)[..., None], x.sum(axis=-1)[..., None]), "before you multiply"),
    ],
    "02.input_gradient": [
        (correlate_back, "once too often, or once too little"),
        (lambda dy, w, stride: input_gradient(dy, w.swapaxes(2, 3), stride), "r goes down, s to the right"),
        (lambda dy, w, stride: spread(dy, w, stride, "windows"), "only the last window"),
        (lambda dy, w, stride: spread(dy, w, stride, "places"), "only the last place of the kernel"),
        (lambda dy, w, stride: input_gradient(dy[:1], w[:1], stride), "only the first output channel"),
        (lambda dy, w, stride: input_gradient(dy, w, 1), "you leave the stride out"),
        (lambda dy, w, stride: spread(dy, w, stride, "windows", step=1), "the windows start at row p"),
        (
            lambda dy, w, stride: input_gradient(dy, np.zeros_like(w) + w.sum(axis=1, keepdims=True), stride),
            "all input channels get the same",
        ),
        (
            lambda dy, w, stride: (input_gradient(dy, w, stride) / len(dy)).astype(dy.dtype),
            "the mean over the output channels",
        ),
        (lambda dy, w, stride: input_gradient(dy, w.swapaxes(0, 1), stride), "the shape (2, 3, 3) is wanted"),
        (lambda dy, w, stride: input_gradient(dy[-1:], w[-1:], stride), "only the last output channel"),
    ],
    "02.two_outputs": [
        (lambda x, w: np.array([w[0] * x[0] + w[1] * x[1], w[0] * x[1] + w[1] * x[2]]), "4 multiplications"),
        (lambda x, w: np.array([w[1] * x[0] + w[0] * x[1], w[1] * x[1] + w[0] * x[2]]), "your kernel is turned"),
        (lambda x, w: np.array([w[0] * x[1] + w[1] * x[2], w[0] * x[0] + w[1] * x[1]]), "have changed places"),
        (quarter_squares, "8 multiplications"),
        (lambda x, w: np.correlate(x.astype(float), w.astype(float)), "could be counted"),
        (lambda x, w: w @ x[:2], "an array is wanted"),
        (lambda x, w: np.array([w @ x[:2], w @ x[:2]]), "entries differ"),
        (shared(first=lambda x, w: w[0] * (x[1] - x[0])), "w[0] times which difference"),
        (shared(second=lambda x, w: w[1] * (x[1] - x[2])), "w[1] times which difference"),
        (shared(both=lambda w: 0), "share is missing"),
        (shared(both=lambda w: w[0] - w[1]), "difference of the weights"),
        (lambda x, w: -np.correlate(x, w), "opposite sign everywhere"),
    ],
}
