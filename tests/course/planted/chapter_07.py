"""Wrong answers to the tasks of chapter 07: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import soft
from minisgl.penalties import L1MinusL2


def norm(x):
    return np.sqrt((x * x).sum())


def right(v, lam, alpha):
    return L1MinusL2(lam, alpha).prox(v, 1.0)


def per_entry(v, lam, alpha):
    z = soft(v, lam)
    return z + alpha * lam * np.sign(z)


def per_row(v, lam, alpha):
    z = soft(v, lam)
    return z * (1 + alpha * lam / np.linalg.norm(z, axis=-1, keepdims=True))


def one(length, sizes=np.abs, signed=True, last=False):
    def prox(v, lam, alpha):
        if np.abs(v).max() > lam:
            return right(v, lam, alpha)
        x = np.zeros_like(v)
        flat = sizes(v).ravel()
        i = np.flatnonzero(flat == flat.max())[-1 if last else 0]
        x.flat[i] = length(np.abs(v.flat[i]), lam, alpha) * (np.sign(v.flat[i]) if signed else 1)
        return x

    return prox


def rest(m, lam, alpha):
    return max(m - (1 - alpha) * lam, 0)


def all_largest(v, lam, alpha):
    sizes = np.abs(v)
    if sizes.max() > lam:
        return right(v, lam, alpha)
    return np.where(sizes == sizes.max(), np.sign(v) * rest(sizes.max(), lam, alpha), 0).astype(v.dtype)


def in_place(v, lam, alpha):
    v[...] = right(v, lam, alpha)
    return v


def length(alone, large=lambda z, lam, alpha: norm(z) + alpha * lam, sizes=np.abs):
    def best_length(v, lam, alpha):
        m = sizes(v).max()
        return large(soft(v, lam), lam, alpha) if m > lam else alone(m, lam, alpha)

    return best_length


def in_case_1(prox):
    return lambda v, lam, alpha: prox(v, lam, alpha) if np.abs(v).max() > lam else right(v, lam, alpha)


LARGE = [
    (lambda v, lam, alpha: soft(v, lam) * (1 - alpha * lam / norm(soft(v, lam))), "make z shorter"),
    (lambda v, lam, alpha: soft(v, lam) * (1 + lam / norm(soft(v, lam))), "alpha is forgotten"),
    (per_entry, "its own norm"),
    (per_row, "every row"),
    (lambda v, lam, alpha: soft(v, lam) * (1 + alpha * lam / np.abs(soft(v, lam)).sum()), "l1 norm of z"),
    (lambda v, lam, alpha: soft(v, lam) * (1 + alpha / norm(soft(v, lam))), "lam is missing"),
    (lambda v, lam, alpha: soft(v, lam) * (1 + alpha * lam / norm(v)), "which vector"),
    (lambda v, lam, alpha: np.abs(right(v, lam, alpha)), "the signs are lost"),
    (lambda v, lam, alpha: soft(v, lam) / norm(soft(v, lam)) * (1 + alpha * lam), "is a direction"),
    (lambda v, lam, alpha: soft(v, lam) * (1 + alpha * lam), "by which factor is that"),
    (lambda v, lam, alpha: soft(v, lam) * (1 + alpha * lam / (soft(v, lam) ** 2).sum()), "squared length of z"),
    (lambda v, lam, alpha: soft(v, alpha * lam), "the price of ||x||_1"),
    (lambda v, lam, alpha: soft(v, alpha * lam) * (1 + alpha * lam / norm(soft(v, alpha * lam))), "and then make it longer"),
    (lambda v, lam, alpha: soft(v, (1 - alpha) * lam), "both norms as one"),
]


def at(read):
    """x[i] with i of the flat array, and the entry of v that read(v, i) gives."""

    def prox(v, lam, alpha):
        if np.abs(v).max() > lam:
            return right(v, lam, alpha)
        x = np.zeros_like(v)
        i = np.argmax(np.abs(v))
        x[i] = soft(read(v, i), (1 - alpha) * lam)
        return x

    return prox


PLANTED = {
    "07.l1_minus_l2": [
        (lambda x, alpha: x.sum() - alpha * norm(x), "How large is -3"),
        (lambda x, alpha: np.abs(x).sum() - norm(x), "alpha is forgotten"),
        (lambda x, alpha: np.abs(x).sum() - alpha * (x**2).sum(), "has a root"),
        (lambda x, alpha: np.abs(x).sum() * (1 - alpha), "has a single norm"),
        (lambda x, alpha: alpha * np.abs(x).sum() - norm(x), "multiplies the other norm"),
        (lambda x, alpha: alpha * (np.abs(x).sum() - norm(x)), "multiply the difference"),
        (lambda x, alpha: np.abs(x).sum() + alpha * norm(x), "add the rebate"),
        (lambda x, alpha: (np.abs(x).sum(axis=-1) - alpha * np.linalg.norm(x, axis=-1)).sum(), "each row"),
        (lambda x, alpha: np.abs(x) - alpha * norm(x), "one number is wanted"),
        (lambda x, alpha: np.abs(x).sum() / max(x.size, 1) - alpha * norm(x), "the numbers differ"),
        (lambda x, alpha: np.linalg.norm(x, 1) - alpha * norm(x), "norm(x, 1) is a matrix norm"),
        (lambda x, alpha: np.abs(x).sum() - alpha * np.linalg.norm(x, ord=2), "norm(x, 2) is a matrix norm"),
        (lambda x, alpha: np.linalg.norm(x, ord=1) - alpha * np.linalg.norm(x, ord=2), "both of your norms"),
        (lambda x, alpha: np.abs(x).sum(), "that is ||x||_1 alone"),
    ],
    "07.prox_case_1": [
        (lambda v, lam, alpha: soft(v, lam), "soft threshold alone"),
        *LARGE,
        (lambda v, lam, alpha: right(v, lam, alpha).ravel(), "the shape"),
        (lambda v, lam, alpha: right(v, lam, alpha).astype(float), "dtype of the argument"),
        (in_place, "writes into its argument"),
    ],
    "07.best_length": [
        (lambda v, lam, alpha: norm(soft(v, lam)) + alpha * lam, "length of case 1, everywhere"),
        (length(lambda m, lam, alpha: 0), "nothing between"),
        (length(lambda m, lam, alpha: m - (1 - alpha) * lam), "are negative"),
        (length(lambda m, lam, alpha: max(m - alpha * lam, 0)), "exchanged"),
        (length(lambda m, lam, alpha: m if m > (1 - alpha) * lam else 0), "do not shrink the entry that is left"),
        (length(rest, sizes=lambda v: v), "in size is negative"),
        (length(rest, large=lambda z, lam, alpha: norm(z)), "it is made longer"),
        (length(rest, large=lambda z, lam, alpha: norm(z) - alpha * lam), "soft threshold shorter"),
        (lambda v, lam, alpha: max(norm(v) - (1 - alpha) * lam, 0), "what does each lose"),
        (
            lambda v, lam, alpha: max(norm(v) - (1 - alpha) * lam, 0) if np.abs(v).max() <= lam else norm(right(v, lam, alpha)),
            "how many entries are left",
        ),
        (right, "one number is wanted"),
        (lambda v, lam, alpha: (right(v, lam, alpha) ** 2).sum(), "that is the squared length"),
        (length(rest, large=lambda z, lam, alpha: (z * z).sum() + alpha * lam), "add alpha lam to the squared"),
        (length(rest, large=lambda z, lam, alpha: norm(z) + lam), "alpha is missing"),
        (lambda v, lam, alpha: np.abs(right(v, lam, alpha)).sum(), "that is ||x||_1"),
    ],
    "07.l1_minus_l2_prox": [
        (one(lambda m, lam, alpha: 0), "your result is all 0"),
        (lambda v, lam, alpha: soft(v, lam), "everywhere: alpha has no effect"),
        (one(lambda m, lam, alpha: m if m > (1 - alpha) * lam else 0), "however small alpha is"),
        (one(lambda m, lam, alpha: max(m - alpha * lam, 0)), "loses alpha lam in yours"),
        (one(lambda m, lam, alpha: m - (1 - alpha) * lam), "changes its sign"),
        (one(rest, signed=False), "lost its sign"),
        (one(rest, sizes=lambda v: v), "a large negative one"),
        (one(rest, last=True), "you keep the last"),
        (all_largest, "only one is to stay"),
        *((in_case_1(prox), phrase) for prox, phrase in LARGE),
        (in_case_1(lambda v, lam, alpha: soft(v, lam)), "which way does it change z"),
        (in_place, "writes into its argument"),
        (lambda v, lam, alpha: right(v, lam, alpha) + 1e-9, "almost zero"),
        (at(lambda v, i: v[i]), "v[i] and x[i] are whole rows"),
        (at(lambda v, i: v.flat[i]), "goes to a whole row"),
        (lambda v, lam, alpha: right(v, lam, alpha) if np.abs(v).max() > lam else soft(v, lam - alpha * lam), "How many stay"),
    ],
}
