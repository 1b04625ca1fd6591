"""Wrong answers to the tasks of chapter 18: for each check, functions, each with a part of the message that it must get."""

from math import fsum

import numpy as np

from minisgl.backend import get_array_module


def firm(v, t, g, slope=None, sign=None):
    xp = get_array_module(v)
    size = xp.abs(v)
    line = (xp.sign(v) if sign is None else sign) * (size - t) * (slope or g / (g - 1))
    return xp.where(size > g * t, v, xp.where(size > t, line, 0))


def by_numpy(v, t, g):
    size = abs(v)
    line = (size - t) * (g / (g - 1))
    return np.where(size > g * t, v, np.where(size > t, line, 0))


def by_branch(v, t, g):
    if abs(v) <= t:
        return 0 * v
    return firm(v, t, g)


def by_loop(v, t, g):
    return np.array([firm(x, t, g) for x in v])


def by_mask(v, t, g):
    x = firm(v, t, g)
    x[abs(v) <= t] = 0
    return x


def soft_only(v, t, g):
    xp = get_array_module(v)
    return (v - xp.clip(v, -t, t)) * (g / (g - 1))


def in_place(v, t, g):
    v[...] = firm(v, t, g)
    return v


def hard(v, t, g):
    return get_array_module(v).where(abs(v) > t, v, 0)


def through_zero(v, t, g):
    xp = get_array_module(v)
    return xp.where(abs(v) > g * t, v, (v - t * xp.sign(v)) * g / (g - 1))


def no_middle(v, t, g):
    return get_array_module(v).where(abs(v) > g * t, v, 0)


def only_positive(v, t, g):
    return firm(get_array_module(v).maximum(v, 0), t, g)


def one_by_one(x):
    total = x[0]
    for number in x[1:]:
        total = total + number
    return total


def drop_the_odd_one(x):
    while x.size > 1:
        even = x.size // 2 * 2
        x = x[:even:2] + x[1:even:2]
    return x[0]


def by_fours(x):
    while x.size > 1:
        x = np.array([one_by_one(x[i : i + 4]) for i in range(0, x.size, 4)], dtype=x.dtype)
    return x[0]


def padded(x):
    while x.size > 1:
        if x.size % 2:
            x = np.append(x, 0.0)
        x = x[::2] + x[1::2]
    return x[0]


def intensity(images, weight, itemsize, *, flops=2, x=1, w=1, y=1, columns=False, pixels=False):
    (C, H, W, N), (K, _, R, S) = images, weight
    P, Q = (H, W) if pixels else (H - R + 1, W - S + 1)
    numbers = x * (C * R * S * P * Q * N if columns else C * H * W * N) + w * K * C * R * S + y * K * P * Q * N
    return flops * K * C * R * S * P * Q * N / (itemsize * numbers)


def flops_of(images, weight, itemsize):
    (_, H, W, N), (K, C, R, S) = images, weight
    return 2.0 * K * C * R * S * (H - R + 1) * (W - S + 1) * N


PLANTED = {
    "18.firm_threshold": [
        (by_numpy, "np.where"),
        (lambda v, t, g: firm(v, t, g) * (np.abs(v) >= 0), "np.absolute"),
        (by_branch, "truth value"),
        (by_loop, "a loop over an array"),
        (lambda v, t, g: firm(v, t, g) + 0 * float(v), "float() of"),
        (lambda v, t, g: firm(v, t, g) + 0 * v.item(), "item: its number"),
        (by_mask, "a mask as an index"),
        (lambda v, t, g: firm(v, t, g) + np.zeros(1, dtype=v.dtype), "meets an array in another memory"),
        (lambda v, t, g: np.zeros(v.shape, dtype=v.dtype), "what has copied"),
        (lambda v, t, g: firm(v, t, g, slope=1), "how steep"),
        (lambda v, t, g: firm(v, t, g, slope=(g - 1) / g), "the inverse of the right one"),
        (soft_only, "beyond g t nothing"),
        (hard, "as hard thresholding does"),
        (no_middle, "middle part is missing"),
        (lambda v, t, g: firm(v, t, g, sign=1), "sign is lost"),
        (only_positive, "on either side"),
        (in_place, "writes into its argument"),
        (lambda v, t, g: v - get_array_module(v).clip(v, -t, t), "that is soft thresholding"),
        (lambda v, t, g: get_array_module(v).where(abs(v) > g * t, v, hard(v, t, g) * (g / (g - 1))), "your line begins"),
        (through_zero, "other side of zero"),
        (lambda v, t, g: get_array_module(v).where(abs(v) > g, v, soft_only(v, t, g)), "your line ends at g"),
    ],
    "18.direct_intensity": [
        (lambda *sizes: intensity(*sizes, flops=1), "two flops"),
        (lambda *sizes: intensity(*sizes) * sizes[-1], "how many bytes"),
        (lambda *sizes: intensity(*sizes, columns=True), "columns of im2col"),
        (lambda *sizes: intensity(*sizes, w=0), "the weights are read too"),
        (lambda *sizes: intensity(*sizes, y=0), "written too"),
        (lambda *sizes: intensity(*sizes, x=0), "images are read too"),
        (lambda *sizes: intensity(*sizes) / sizes[0][3], "those of one image"),
        (lambda *sizes: intensity(*sizes, pixels=True), "fewer than it has pixels"),
        (lambda *sizes: 1 / intensity(*sizes), "bytes a flop"),
        (lambda *sizes: 4.0, "the numbers differ"),
        (lambda images, weight, itemsize: intensity(images, weight, 4), "itemsize is not used"),
        (lambda images, weight, itemsize: intensity(images, weight, itemsize, w=images[3]), "once for each image"),
        (flops_of, "those are the flops"),
    ],
    "18.step_time": [
        (lambda f, m, ell, b, p: np.maximum(f / p, m / b).sum(), "latency is missing"),
        (lambda f, m, ell, b, p: ell + np.maximum(f / p, m / b).sum(), "there once"),
        (lambda f, m, ell, b, p: f.size * ell + (f / p + m / b).sum(), "sum of both"),
        (lambda f, m, ell, b, p: f.size * ell + np.minimum(f / p, m / b).sum(), "quicker of the two"),
        (lambda f, m, ell, b, p: f.size * ell + max(f.sum() / p, m.sum() / b), "decide for each"),
        (lambda f, m, ell, b, p: f.size * ell + (f / p).sum(), "bytes are forgotten"),
        (lambda f, m, ell, b, p: f.size * ell + (m / b).sum(), "flops are forgotten"),
        (lambda f, m, ell, b, p: np.maximum(ell, np.maximum(f / p, m / b)).sum(), "not one of the two times"),
        (lambda f, m, ell, b, p: (ell + np.maximum(f / p, m / b)).mean(), "numbers differ"),
        (lambda f, m, ell, b, p: ell + np.maximum(f / p, m / b).max(), "slowest operation"),
        (lambda f, m, ell, b, p: f.size * ell + np.maximum(f / b, m / p).sum(), "are exchanged"),
        (lambda f, m, ell, b, p: f.size * ell + np.maximum(f * p, m * b).sum(), "multiply by the speeds"),
        (lambda f, m, ell, b, p: ell + np.maximum(f / p, m / b), "times of the single operations"),
    ],
    "18.pairwise_sum": [
        (drop_the_odd_one, "the last one is lost"),
        (one_by_one, "one number after the other"),
        (by_fours, "too many levels"),
        (padded, "your dtype"),
        (lambda x: x.sum() / x.size, "that is the mean"),
        (lambda x: np.abs(x).sum(), "signs are lost"),
        (lambda x: x[:1], "one number is wanted"),
        (lambda x: x.dtype.type(fsum(x)), "stops with an error"),
        (lambda x: x[::2].sum(), "every second number"),
        (lambda x: (x if len(x) % 2 == 0 or len(x) == 1 else np.append(x, x[-1])).sum(), "counts twice"),
    ],
}
