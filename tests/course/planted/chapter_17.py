"""Wrong answers to the tasks of chapter 17: for each check, functions, each with a part of the message that it must get."""

import numpy as np


def norm(dx=None, dweight=None, dbias=None, ddof=0):
    """batch_norm_backward with one part replaced: each gets g, z, the deviation, dy, and weight."""

    def answer(dy, x, weight, eps):
        r = np.sqrt(x.var(axis=1, keepdims=True, ddof=ddof) + eps)
        g, z = weight[:, None] * dy, (x - x.mean(axis=1, keepdims=True)) / r
        given = (g, z, r, dy, weight)
        right = (right_dx(*given), (dy * z).sum(axis=1), dy.sum(axis=1))
        return tuple(wrong(*given) if wrong else good for wrong, good in zip((dx, dweight, dbias), right, strict=True))

    return answer


def average(a):
    return a.mean(axis=1, keepdims=True)


def right_dx(g, z, r, dy, weight):
    return (g - average(g) - z * average(g * z)) / r


def x_for_z(dy, x, weight, eps):
    dx, _, dbias = norm()(dy, x, weight, eps)
    return dx, (dy * x).sum(axis=1), dbias


def eps_outside(dy, x, weight, eps):
    r = x.std(axis=1, keepdims=True) + eps
    g, z = weight[:, None] * dy, (x - average(x)) / r
    return right_dx(g, z, r, dy, weight), (dy * z).sum(axis=1), dy.sum(axis=1)


def body(dy, h, W1, W2):
    return W1.T @ ((W1 @ h > 0) * (W2.T @ dy))


def into_dy(dy, h, W1, W2, S):
    dy += 1
    return S.T @ dy + body(dy, h, W1, W2)


def folded(factor=None, bias=None):
    """fold_batch_norm with another factor, or another bias of shift, factor and mean."""

    def answer(weight, gamma, shift, mean, variance):
        right = gamma / np.sqrt(variance + 1e-5)
        used = factor(gamma, variance) if factor else right
        own = bias(shift, right, mean) if bias else shift - right * mean
        return weight * used[:, None, None, None], own

    return answer


PLANTED = {
    "17.batch_norm_backward": [
        (norm(dx=lambda g, z, r, dy, weight: g / r), "both mean terms"),
        (norm(dx=lambda g, z, r, dy, weight: (g - z * average(g * z)) / r), "not the one through the mean"),
        (norm(dx=lambda g, z, r, dy, weight: (g - average(g)) / r), "not the one through the variance"),
        (norm(ddof=1), "m - 1"),
        (norm(dx=lambda g, z, r, dy, weight: right_dx(dy, z, r, dy, weight)), "the weight is missing"),
        (
            norm(dx=lambda g, z, r, dy, weight: (g - g.sum(axis=1)[:, None] - z * (g * z).sum(axis=1)[:, None]) / r),
            "you have sums",
        ),
        (norm(dx=lambda g, z, r, dy, weight: right_dx(g, z, 1, dy, weight)), "how far does z move"),
        (norm(dx=lambda g, z, r, dy, weight: (g - g.mean() - z * (g * z).mean()) / r), "over all channels at once"),
        (eps_outside, "before the root"),
        (x_for_z, "What is dy multiplied by"),
        (norm(dweight=lambda g, z, r, dy, weight: (dy * z).mean(axis=1)), "dweight: that is a mean"),
        (norm(dweight=lambda g, z, r, dy, weight: (g * z).sum(axis=1)), "the weight itself is in it"),
        (norm(dbias=lambda g, z, r, dy, weight: dy.mean(axis=1)), "dbias: that is a mean"),
        (norm(dbias=lambda g, z, r, dy, weight: g.sum(axis=1)), "after the weight has acted"),
        (norm(dbias=lambda g, z, r, dy, weight: dy.sum()), "dbias: an array is wanted"),
        (lambda dy, x, weight, eps: norm()(dy, x, weight, eps)[0], "three arrays are wanted"),
        (norm(dx=lambda g, z, r, dy, weight: (g + average(g) + z * average(g * z)) / r), "the means are added"),
        (norm(dx=lambda g, z, r, dy, weight: right_dx(g, z, r * r, dy, weight)), "the units of x"),
        (norm(dx=lambda g, z, r, dy, weight: (g - average(g) - average(g * z)) / r), "change the variance most"),
        (norm(dweight=lambda g, z, r, dy, weight: dy.sum(axis=1)), "that is the gradient of the bias"),
        (norm(dx=lambda g, z, r, dy, weight: 0 * g / 0), "dx: your result has 3 nan"),
    ],
    "17.residual_backward": [
        (lambda dy, h, W1, W2, S: body(dy, h, W1, W2), "shortcut's gradient is missing"),
        (lambda dy, h, W1, W2, S: S.T @ dy, "only the shortcut's"),
        (lambda dy, h, W1, W2, S: S.T @ dy + W1.T @ W2.T @ dy, "passes every gradient"),
        (lambda dy, h, W1, W2, S: (h > 0) * (S.T @ dy) + body(dy, h, W1, W2), "on the shortcut as well"),
        (lambda dy, h, W1, W2, S: S.T @ dy + W1.T @ ((W2.T @ dy > 0) * (W2.T @ dy)), "sign of the gradient"),
        (lambda dy, h, W1, W2, S: (S.T @ dy + body(dy, h, W1, W2)) / 2, "mean of the two ways"),
        (lambda dy, h, W1, W2, S: S.T @ dy - body(dy, h, W1, W2), "y is a sum"),
        (lambda dy, h, W1, W2, S: S.T @ dy + W1.T @ (np.maximum(W1 @ h, 0) * (W2.T @ dy)), "the ReLU's value"),
        (lambda dy, h, W1, W2, S: dy + body(dy, h, W1, W2), "the shape"),
        (lambda dy, h, W1, W2, S: -(S.T @ dy + body(dy, h, W1, W2)), "opposite sign"),
        (into_dy, "writes into its argument dy"),
        (lambda dy, h, W1, W2, S: S.T @ dy + W1.T @ (~(W1 @ h > 0) * (W2.T @ dy)), "upside down"),
        (lambda dy, h, W1, W2, S: S.T @ dy + (h > 0) * (W1.T @ W2.T @ dy), "the mask is that of h"),
        (lambda dy, h, W1, W2, S: S.T @ (dy * (dy > 0)) + body(dy, h, W1, W2), "negative dy are lost"),
        (lambda dy, h, W1, W2, S: (S.T @ dy + body(dy, h, W1, W2)) / np.float32(h.shape[1]), "number of images"),
    ],
    "17.fold_batch_norm": [
        (folded(factor=lambda gamma, variance: gamma), "only gamma"),
        (folded(factor=lambda gamma, variance: 1 / np.sqrt(variance + 1e-5)), "gamma is missing"),
        (folded(factor=lambda gamma, variance: gamma / (variance + 1e-5)), "divide by the variance"),
        (folded(factor=lambda gamma, variance: gamma / np.sqrt(variance)), "eps is missing"),
        (folded(factor=lambda gamma, variance: gamma / (np.sqrt(variance) + 1e-5)), "before the root"),
        (folded(factor=lambda gamma, variance: np.ones_like(gamma)), "Who multiplies now"),
        (folded(bias=lambda shift, factor, mean: shift), "What becomes of the mean"),
        (folded(bias=lambda shift, factor, mean: shift - mean), "subtracted as it is"),
        (folded(bias=lambda shift, factor, mean: shift + factor * mean), "takes it away"),
        (folded(bias=lambda shift, factor, mean: -factor * mean), "the shift is missing"),
        (folded(bias=lambda shift, factor, mean: factor * (shift - mean)), "at the very end"),
        (lambda *given: folded()(*given)[0], "two arrays are wanted"),
        (lambda *given: folded()(*given)[::-1], "weight: the shape"),
        (folded(factor=lambda gamma, variance: gamma * np.sqrt(variance + 1e-5)), "by the deviation. Batch"),
        (
            lambda weight, gamma, shift, mean, variance: (
                folded()(weight, gamma, shift, mean, variance)[0],
                shift - gamma * mean,
            ),
            "by gamma only",
        ),
        (
            lambda weight, gamma, shift, mean, variance: (
                folded()(weight, gamma, shift, mean, variance)[0],
                shift - mean / np.sqrt(variance + 1e-5),
            ),
            "by the deviation only",
        ),
        (folded(bias=lambda shift, factor, mean: np.zeros_like(shift)), "an image of zeros"),
    ],
}
